#include "conformance/engine/conversation_log.hpp"

#include <algorithm>
#include <span>
#include <sstream>
#include <utility>

#include "codec/body.hpp"
#include "codec/notation.hpp"

namespace fcgispec {
namespace {

constexpr std::size_t num_trace_lines_max = 1000;
constexpr std::size_t trace_size_max = 256U << 10;  // of all lines together: a run keeps a trace of each case that fails
constexpr std::size_t num_lines_around = 6;         // of a trace, that a finding shows

constexpr std::size_t aligning_padding_size_max = 7;  // [§3.3] recommends multiples of eight

bool is_plain_end(const Record& record) {
    const auto body = decode_end_request(record.content);
    return body && body->protocol_status == ProtocolStatus::request_complete && body->app_status == 0;
}

/// Lines of a trace as a finding shows them: our requests that are whole and plain in one line each, as a scenario has them, and else
/// the variables of a plain request in a word; of a Web server's variables those that the scenario asks for.
class Telling {
public:
    Telling(std::span<const TraceLine> lines, const ConversationLog& log) : lines_(lines), log_(log) {}

    Excerpt tell() {
        Excerpt result;
        for (std::size_t i = 0; i < lines_.size(); i += result.back().num_records) result.push_back(told(i));
        return result;
    }

private:
    ExcerptLine told(std::size_t i) const {
        const TraceLine& line = lines_[i];
        ExcerptLine result(line.print(), weight_beside_subject(line, line.weight));
        if (!line.said) return result;
        if (line.text.starts_with("{FCGI_PARAMS, ")) return told_params(line);
        if (line.from == log_.ours && line.text.starts_with("{FCGI_BEGIN_REQUEST, "))
            if (auto whole = whole_request(records_from(i), log_.params)) {
                const std::string text = print(Step{.connection = {}, .action = std::move(whole->request)}, Side::application).substr(std::string_view("> ").size());
                result = told_as(line, text, weight::of_the_rare);
                result.num_records = whole->num_records;
            }
        return result;
    }

    ExcerptLine told_params(const TraceLine& line) const {
        if (line.from != log_.ours) return told_as(line, with_others_left_out(line.text, log_.variables), line.weight);
        // Told by its bytes: not whole pairs, or not in the usual form.
        const bool as_bytes = line.text.find(", \"") < line.text.find(", [");
        return told_as(line, with_base_named(line.text, log_.params), as_bytes && line.weight > 0 ? weight::of_the_rare : line.weight);
    }

    ExcerptLine told_as(TraceLine line, std::string text, int weight) const {
        line.text = std::move(text);
        return {line.print(), weight_beside_subject(line, weight)};
    }

    /// What goes over another connection than what it is about tells little. A Web server's HTTP is beside each of its connections.
    int weight_beside_subject(const TraceLine& line, int weight) const {
        return log_.ours == Side::web_server && line.connection != lines_.back().connection ? weight - 2 : weight;
    }

    /// Ours, on one connection, in a row.
    std::vector<std::string> records_from(std::size_t i) const {
        constexpr std::size_t num_request_lines_max = 16;
        std::vector<std::string> records;
        for (std::size_t j = i; j < lines_.size() && records.size() < num_request_lines_max; ++j) {
            const TraceLine& line = lines_[j];
            if (line.from != log_.ours || line.connection != lines_[i].connection || !line.said) break;
            records.push_back(line.text);
        }
        return records;
    }

    std::span<const TraceLine> lines_;
    const ConversationLog& log_;
};

}  // namespace

int weight_of(const Record& record, const Judgement& judgement, const Circumstances& circumstances) {
    const bool late = !circumstances.active && record.type != RecordType::begin_request;
    const bool odd = judgement.meaningless || late || record.version != version_1 || record.reserved != 0 || record.request_id == null_request_id ||
                     record.padding.size() > (record.content.empty() ? 0 : aligning_padding_size_max);
    if (odd) return weight::of_the_rare;
    switch (record.type) {
        case RecordType::std_in:
        case RecordType::std_out:
        case RecordType::data:
            return record.content.empty() ? weight::of_stream_end : weight::of_content;
        case RecordType::params:
            return record.content.empty() ? weight::of_stream_end : circumstances.by_peer ? weight::of_the_rare : weight::of_the_usual;
        case RecordType::end_request:
            return is_plain_end(record) && !circumstances.aborted ? weight::of_the_usual : weight::of_the_rare;
        default:
            return weight::of_the_rare;
    }
}

std::string TraceLine::print() const { return !said ? "# " + text : connection + (from == Side::web_server ? "> " : "< ") + text; }

bool ConversationLog::full() const noexcept { return lines.size() >= num_trace_lines_max || size >= trace_size_max; }

bool ConversationLog::keeps(Side from, const Judgement& judgement) const {
    const auto is_first = [&](const Accusation& accusation) { return !accused.contains(accusation.requirement); };
    return !full() || (from != ours && std::any_of(judgement.accusations.begin(), judgement.accusations.end(), is_first));
}

void ConversationLog::add(TraceLine line, bool keep) {
    if (!keep) {
        ++num_left_out;
        return;
    }
    size += line.text.size();
    lines.push_back(std::move(line));
}

void ConversationLog::add_comment(std::string text) {
    add({.from = ours, .connection = {}, .text = std::move(text), .weight = weight::of_the_rare, .said = false}, !full());
}

void ConversationLog::add(const Accusation& accusation) {
    AccusedLine& entry = accused[accusation.requirement];
    if (entry.count++ > 0) return;
    entry.accusation = accusation;
    entry.line = lines.size() - 1;
}

Excerpt ConversationLog::around(std::size_t line, bool mark) const {
    Excerpt all = Telling(std::span(lines).first(std::min(line + 1, lines.size())), *this).tell();
    if (all.empty()) return all;
    all.back().weight = weight::of_subject;
    if (mark && line < lines.size()) all.back().text.insert(0, offending_mark);
    return most_telling(std::move(all), num_lines_around);
}

std::string ConversationLog::told(Bytes bytes) const {
    std::vector<TraceLine> unsent;
    std::istringstream text(print_notation(bytes));
    for (std::string record; std::getline(text, record);) unsent.push_back({.from = ours, .connection = {}, .text = std::move(record)});
    if (unsent.empty()) return {};
    const Excerpt told = Telling(unsent, *this).tell();
    return told.front().text + (told.size() > 1 ? " ..." : "");
}

void ConversationLog::add(RawPiece piece) {
    constexpr std::size_t own_size = 64;  // about what a piece takes beside its bytes
    if (raw.cut) return;
    const std::size_t room = evidence_size_max - std::min(evidence_size_max, raw_size + own_size);
    raw.cut = piece.bytes.size() > room || room == 0;
    if (room == 0) return;
    if (raw.cut) piece.bytes.resize(room);
    raw_size += piece.bytes.size() + own_size;
    const bool goes_on = !raw.pieces.empty() && raw.pieces.back().from == piece.from && raw.pieces.back().connection == piece.connection &&
                         raw.pieces.back().http == piece.http && raw.pieces.back().end.empty() && piece.end.empty();
    if (goes_on) {
        raw.pieces.back().bytes += piece.bytes;
    } else {
        raw.pieces.push_back(std::move(piece));
    }
}

}  // namespace fcgispec
