// Whatever two sides say, the checker accuses somebody of a requirement, with what was wanted and what came, or nobody;
// and since a stream is a value [§3.3], it accuses of the same requirements when each stream record is cut in two, save
// of those that are about where records lie.
#include <set>

#include "conformance/engine/checker.hpp"
#include "fuzz/fuzz.hpp"

using namespace fcgispec;
using fuzz::require;

namespace {

/// Who says a record: the side that [§A] allows, the other one where the top bit of the reserved byte is set.
Side side_of(const Record& record) {
    const TypeProperties* properties = properties_of(record.type);
    const bool to_application = properties == nullptr || properties->to_application;
    return to_application != (record.reserved >= 0x80) ? Side::web_server : Side::application;
}

class Run {
public:
    void see(const Record& record) {
        num_begun_ += record.type == RecordType::begin_request ? 1 : 0;
        note(checker_.see_record(side_of(record), record));
        require(checker_.num_active() <= num_begun_, "a request that is active has begun");
    }
    void see_end(std::size_t missing) {
        note(checker_.see_end(Side::web_server, missing));
        note(checker_.see_end(Side::application, 0));
    }
    std::set<std::string_view> requirements;

private:
    void note(const Judgement& judgement) {
        for (const Accusation& accusation : judgement.accusations) {
            require(accusation.requirement.starts_with("R-"), "an accusation names a requirement");
            require(!accusation.wanted.empty() && !accusation.got.empty(),
                    "an accusation says what was wanted and came");
            // Alignment on eight bytes [R-3.3-18, R-3.3-19].
            if (accusation.requirement != "R-3.3-18" && accusation.requirement != "R-3.3-19")
                requirements.insert(accusation.requirement);
        }
    }
    LifecycleChecker checker_;
    std::size_t num_begun_ = 0;
};

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Bytes rest(data, size);
    Run whole, cut;
    DecodedRecord decoded = decode_record(rest);
    for (; decoded.record; decoded = decode_record(rest)) {
        rest = rest.subspan(decoded.consumed);
        const Record& record = *decoded.record;
        whole.see(record);
        const TypeProperties* properties = properties_of(record.type);
        Record half = record;
        if (properties != nullptr && properties->stream && record.content.size() > 1) {
            half.content = record.content.first(record.content.size() / 2);
            cut.see(half);
            half.content = record.content.subspan(record.content.size() / 2);
        }
        cut.see(half);
    }
    const std::size_t missing = rest.empty() ? 0 : decoded.missing;
    whole.see_end(missing);
    cut.see_end(missing);
    require(whole.requirements == cut.requirements, "where a stream is cut changes no accusation");
    return 0;
}
