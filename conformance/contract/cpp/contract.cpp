// The contract (../README.md) in C++, on the streams of libfcgi's fcgio.h; responder, authorizer and filter.
// Not offered: wait, for libfcgi tells nobody of FCGI_ABORT_REQUEST nor, before a write fails, of a closed connection.

#include <fastcgi.h>
#include <fcgio.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {

struct Request {
    explicit Request(FCGX_Request& r)
        : raw(r),
          in_buffer(r.in),
          out_buffer(r.out),
          err_buffer(r.err),
          in(&in_buffer),
          out(&out_buffer),
          err(&err_buffer) {}
    FCGX_Request& raw;
    fcgi_streambuf in_buffer, out_buffer, err_buffer;
    std::istream in;
    std::ostream out, err;
    bool exit_asked = false;

    std::string_view param(const char* name) const {
        const char* value = FCGX_GetParam(name, raw.envp);
        return value ? value : "";
    }
};

using Number = unsigned long long;

std::optional<Number> number_in(std::string_view text) {
    Number number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || text.size() > 10 || error != std::errc{} || end != text.data() + text.size())
        return std::nullopt;
    return number;
}

// Reads FCGI_STDIN, or the stream that it has been switched to, to its end; gives each block to `use`; says how many
// bytes.
Number read_all(
    Request& request, const std::function<void(std::string_view)>& use = [](std::string_view) {}) {
    std::vector<char> block(65536);
    Number length = 0;
    request.in.clear();  // of the end of FCGI_STDIN, when FCGI_DATA is next.
    while (request.in.read(block.data(), static_cast<std::streamsize>(block.size())), request.in.gcount() > 0) {
        const auto size = static_cast<std::size_t>(request.in.gcount());
        use({block.data(), size});
        length += size;
    }
    return length;
}

Number copy_all(Request& request) {
    return read_all(request, [&](std::string_view bytes) { request.out << bytes; });
}

void data(Request& request) {
    read_all(request);
    const Number size = FCGX_StartFilterData(request.raw.in) == 0 ? copy_all(request) : 0;
    if (size < number_in(request.param("FCGI_DATA_LENGTH")).value_or(0)) FCGX_SetExitStatus(1, request.raw.out);
}

void write_cycle(std::ostream& out, std::string_view cycle, Number size) {
    std::string block;
    while (block.size() < 65536) block += cycle;
    for (; size > block.size(); size -= block.size()) out << block;
    out << std::string_view(block).substr(0, size);
}

std::string escaped(std::string_view text, std::string_view also) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string result;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x21 || byte > 0x7e || c == '%' || also.find(c) != also.npos)
            result += {'%', digits[byte >> 4], digits[byte & 15]};
        else
            result += c;
    }
    return result;
}

// A pair is a string NAME=VALUE here, as in environ(7): a name ends at its first `=`.
void write_params(Request& request, std::string_view prefix) {
    std::multimap<std::string, std::string> pairs;
    for (char** pair = request.raw.envp; *pair; ++pair) {
        const std::string_view text = *pair;
        const auto equals = text.find('=');
        if (text.starts_with(prefix) && prefix.size() <= equals && equals != text.npos)
            pairs.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
    for (const auto& [name, value] : pairs) request.out << escaped(name, "=") << '=' << escaped(value, "") << '\n';
}

void write_error(Request& request, std::string_view size) {
    write_cycle(request.err, "e", *number_in(size));
    request.out << "ok\n";
}

struct Operation {
    std::function<void(Request&, std::string_view argument)> answer;
    int role = 0;                        // Makes sense in this role only; 0: in any.
    std::optional<Number> number_max{};  // The argument is a number up to this one.
    std::string_view fields = "";
};

using Text = std::string_view;
constexpr Number any_number = 9999999999;

const std::map<Text, Operation>& operations() {
    static const std::map<Text, Operation> all = {
        {"authorize", {[](Request&, Text) {}, 0, {}, "Status: 200\r\nVariable-FCGISPEC: yes\r\n"}},
        {"cached", {[](Request& r, Text) { read_all(r), r.out << "cached\n"; }, FCGI_FILTER}},
        {"data", {[](Request& r, Text) { data(r); }, FCGI_FILTER}},
        {"deny", {[](Request& r, Text) { r.out << "denied\n"; }, 0, {}, "Status: 403\r\n"}},
        {"early", {[](Request& r, Text) { r.out << "early\n"
                                                << std::flush << read_all(r) << '\n'; }}},
        {"echo", {[](Request& r, Text) { copy_all(r); }}},
        {"error", {write_error, 0, any_number}},
        {"exit", {[](Request& r, Text) { r.out << "bye\n", r.exit_asked = true; }}},
        {"hello", {[](Request& r, Text) {
             r.out << "fcgispec contract 1:";
             for (const auto& [name, operation] : operations()) r.out << ' ' << name;
             r.out << '\n';
         }}},
        {"large", {[](Request& r, Text a) { write_cycle(r.out, "0123456789abcdef", *number_in(a)); }, 0, any_number}},
        {"length", {[](Request& r, Text) { r.out << read_all(r) << '\n'; }}},
        {"params", {write_params}},
        {"status",
         {[](Request& r, Text a) {
              FCGX_SetExitStatus(static_cast<int>(*number_in(a)), r.raw.out);
              r.out << "ok\n";
          },
          0, 255}},
        {"stderr", {write_error, 0, any_number}},
        {"unread", {[](Request& r, Text) { r.out << "ok\n"; }}},
        {"update", {[](Request& r, Text) {
             r.out << (read_all(r) == number_in(r.param("CONTENT_LENGTH")).value_or(0) ? "complete\n" : "incomplete\n");
         }}},
    };
    return all;
}

void serve(Request& request) {
    constexpr Text prefix = "fcgispec.";
    const Text query = request.param("QUERY_STRING");
    request.out << "Content-Type: text/plain\r\n";
    if (!query.starts_with(prefix)) {
        if (request.raw.role == FCGI_FILTER) read_all(request);
        request.out << "\r\nhello\n";
        return;
    }
    const auto equals = std::min(query.find('='), query.size());
    const Text name = query.substr(prefix.size(), equals - prefix.size());
    const Text argument = query.substr(std::min(equals + 1, query.size()));
    const auto found = operations().find(name);
    const auto fits = [&](const Operation& o) {
        return (!o.role || o.role == request.raw.role) &&
               (!o.number_max || number_in(argument).value_or(*o.number_max + 1) <= *o.number_max);
    };
    if (found == operations().end() || !fits(found->second)) {
        request.out << "\r\nunsupported\n";
        return;
    }
    request.out << found->second.fields << "\r\n";
    found->second.answer(request, argument);
}

}  // namespace

int main() {
    FCGX_Request raw;
    if (FCGX_Init() != 0 || FCGX_InitRequest(&raw, FCGI_LISTENSOCK_FILENO, 0) != 0) return 1;
    for (bool exit_asked = false; !exit_asked;) {
        if (FCGX_Accept_r(&raw) != 0) return 1;
        FCGX_SetExitStatus(0, raw.out);  // libfcgi would say that of the request before.
        {
            Request request(raw);
            serve(request);
            exit_asked = request.exit_asked;
        }  // What is in the streams' buffers goes out.
        FCGX_Finish_r(&raw);
    }
}
