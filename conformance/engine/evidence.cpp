#include "conformance/engine/evidence.hpp"

#include <algorithm>

namespace fcgispec {

Excerpt most_telling(Excerpt all, std::size_t num_max) {
    std::vector<std::size_t> order(all.size());
    for (std::size_t i = 0; i < all.size(); ++i) order[i] = all.size() - 1 - i;
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return all[a].weight > all[b].weight; });
    order.resize(std::min(order.size(), num_max));
    std::sort(order.begin(), order.end());

    Excerpt result;
    std::size_t next = 0;
    for (const std::size_t i : order) {
        ExcerptLine& line = result.emplace_back(std::move(all[i]));
        for (; next < i; ++next) line.num_left_out += all[next].num_records + all[next].num_left_out;
        next = i + 1;
    }
    return result;
}

std::vector<std::string> texts_of(const Excerpt& excerpt) {
    std::vector<std::string> result;
    for (const ExcerptLine& line : excerpt) {
        if (line.num_left_out > 0) result.push_back("# " + std::to_string(line.num_left_out) + (line.num_left_out == 1 ? " record" : " records") + " left out");
        result.push_back(line.text);
    }
    return result;
}

}  // namespace fcgispec
