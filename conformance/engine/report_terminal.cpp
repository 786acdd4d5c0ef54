#include <algorithm>
#include <cstdio>
#include <vector>

#include "conformance/engine/evidence.hpp"
#include "conformance/engine/report_certificate.hpp"
#include "conformance/engine/report_text.hpp"
#include "conformance/engine/reports.hpp"

namespace fcgispec {
namespace {

constexpr std::size_t width = 100;
constexpr std::size_t indent = 10;            // of what belongs to a finding
constexpr std::size_t label_indent = 18;      // of the text beside "wanted"
constexpr std::size_t num_lines_max = 2;      // of statement and got each: a peer may have said much
constexpr std::size_t num_finding_lines_max = 12;
constexpr std::size_t num_records_wanted = 4;      // where there are as many; they take what the rest leaves
constexpr std::size_t num_last_lines = 2;          // "seen" and "again"
constexpr std::size_t got_size_max = 150;     // characters: fewer than two lines, which break between words
constexpr std::size_t remark_size_max = 160;  // characters
constexpr std::size_t column_size_max = 40;   // characters
constexpr std::size_t num_cell_lines_max = 4;

const char* colour_of(Verdict verdict) {
    switch (verdict) {
        case Verdict::pass:
            return "32";
        case Verdict::skipped:
            return "2";
        case Verdict::tolerated:
            return "36";
        case Verdict::inconclusive:
            return "33";
        case Verdict::fail:
            return "31";
        case Verdict::crash:
            return "1;31";
    }
    return "0";
}

std::string padded(std::string text, std::size_t size) {
    const std::size_t num = num_characters(text);
    return text.append(num < size ? size - num : 0, ' ');
}

class Writer {
public:
    Writer(const Report& report, const Register& requirements, const TerminalOptions& options)
        : report_(report), requirements_(requirements), options_(options) {}

    std::string write() {
        if (options_.quiet)
            page_of_errors();
        else
            head();
        if (options_.verbose) cases();
        const auto findings = findings_of(report_, false);
        for (const Finding* finding : findings) accuse(*finding);
        if (!findings.empty() && !options_.quiet)
            hints(findings);
        if (options_.quiet) {
            stale();
        } else {
            lines_of_baseline();
            untold();
            certificate();
        }
        closing();
        return std::move(out_);
    }

private:
    std::string painted(const std::string& text, const char* colour) const {
        return options_.color ? "\033[" + std::string(colour) + 'm' + text + "\033[0m" : text;
    }

    void head() {
        const std::string name = printable(report_.name.empty() ? report_.address : report_.name);
        out_ += "fcgispec " + printable(report_.version) + ": " + std::string(name_of(report_.side)) + ' ' + name;
        if (name != printable(report_.address)) out_ += " at " + printable(report_.address);
        out_ += "\n\n";
        capabilities();
    }

    /// Even where little is told: what an error page is certified for holds for the error page.
    void page_of_errors() {
        for (const Capability& each : report_.capabilities)
            if (each.observed.ends_with("?")) out_ += "notice    " + printable(each.name) + ": " + printable(each.observed) + '\n';
    }

    void capabilities() {
        if (report_.capabilities.empty()) return;
        std::size_t name_size = 0;
        std::size_t claimed_size = num_characters("claimed");
        for (const Capability& each : report_.capabilities) {
            name_size = std::max(name_size, num_characters(shortened(each.name, column_size_max)));
            claimed_size = std::max(claimed_size, std::min(num_characters(printable(each.claimed)), column_size_max));
        }
        const auto row = [&](const std::string& name, const std::string& claimed, const std::string& observed) {
            out_ += "  " + padded(name, name_size) + "  " + padded(claimed, claimed_size) + "  " + observed + '\n';
        };
        row("", "claimed", "observed");
        for (const Capability& each : report_.capabilities) {
            const std::vector<std::string> claimed = cell(each.claimed);
            const std::vector<std::string> observed = cell(each.observed);
            const auto line = [](const std::vector<std::string>& lines, std::size_t i) { return i < lines.size() ? lines[i] : std::string(); };
            for (std::size_t i = 0; i < std::max(claimed.size(), observed.size()); ++i)
                row(i == 0 ? shortened(each.name, column_size_max) : "", line(claimed, i), line(observed, i));
        }
        out_ += '\n';
    }

    /// The lines of a column.
    static std::vector<std::string> cell(const std::string& text) {
        std::vector<std::string> lines = wrapped(printable(text), column_size_max, num_cell_lines_max);
        return lines.empty() ? std::vector<std::string>{"-"} : lines;
    }

    void cases() {
        for (const Result& each : report_.results) {
            out_ += painted(padded(std::string(name_of(each.verdict)), 13), colour_of(each.verdict));
            out_ += printable(each.scenario);
            if (!each.splitting.empty() && each.splitting != "whole") out_ += " (" + printable(each.splitting) + ')';
            const std::string& remark = each.reason.empty() ? each.alternative : each.reason;
            out_ += (remark.empty() ? "" : ": " + shortened(remark, remark_size_max)) + '\n';
        }
        if (!report_.results.empty()) out_ += '\n';
    }

    void accuse(const Finding& finding) {
        const std::size_t before = out_.size();
        const std::string verdict = padded(std::string(name_of(finding.verdict)), indent);
        const Requirement* requirement = requirements_.find(finding.requirement);
        const std::string start = verdict + printable(finding.requirement);
        const std::string statement = requirement == nullptr ? "(not in the register)" : '(' + std::string(name_of(requirement->level)) + ") " + requirement->statement;
        const std::string text = labelled(start, statement, num_characters(start) + 2, width, options_.quiet ? 1 : num_lines_max);
        // Coloured once it is wrapped: what colours has no width.
        out_ += painted(verdict, colour_of(finding.verdict)) + text.substr(verdict.size());
        if (options_.quiet) return;
        // What it ends in tells what became of the connection, and how long that was waited for.
        const std::string got = wrapped_lines("got", shortened_within(finding.got, got_size_max), num_lines_max);
        const std::string first = out_.substr(before) + got;
        const auto num_used = static_cast<std::size_t>(std::count(first.begin(), first.end(), '\n')) + num_last_lines;
        // All that is wanted, where that leaves room for the records that tell most.
        const std::size_t num_records_min = std::min(finding.records.size(), num_records_wanted);
        const std::string wanted = wrapped_lines("wanted", finding.wanted, std::max(num_lines_max, num_finding_lines_max - num_used - num_records_min));
        const std::size_t num_records_max = num_finding_lines_max - num_used - static_cast<std::size_t>(std::count(wanted.begin(), wanted.end(), '\n'));
        out_ += wanted + got;
        records(finding, num_records_max);
        whole_line("seen", frequency_of(finding));
        whole_line("again", finding.again);
        out_ += '\n';
    }

    void hints(const std::vector<const Finding*>& findings) {
        std::vector<std::string> legend = legend_of(report_.findings, requirements_);
        if (!legend.empty()) legend.front() += ", : records left out";
        for (const std::string& line : legend) out_ += joined(wrapped(line, width), "\n  ") + '\n';
        out_ += "Our reading of a requirement, and what can be said against it: " + options_.command + " explain ID, as in explain " + printable(findings.front()->requirement) + "\n\n";
    }

    static std::string wrapped_lines(const std::string& label, const std::string& text, std::size_t num_max) {
        return labelled(std::string(indent, ' ') + label, printable(text), label_indent, width, num_max);
    }

    /// What is to be copied stays on one line.
    void whole_line(const std::string& label, const std::string& text) {
        if (!text.empty()) out_ += padded(std::string(indent, ' ') + label, label_indent) + printable(text) + '\n';
    }

    /// The margin marks the offending record, and where records between were left out.
    void records(const Finding& finding, std::size_t num_max) {
        const Excerpt shown = most_telling(finding.records, num_max);
        // Where there is room a long one takes a second line: what decides may stand there.
        std::size_t num_left = num_max - shown.size();
        for (const ExcerptLine& line : shown) {
            const std::string printed = printable(line.text);
            const bool marked = printed.starts_with(offending_mark);
            const std::string text = marked ? printed.substr(offending_mark.size()) : printed;
            const std::vector<std::string> parts = num_left > 0 ? wrapped(text, width - indent - 2, 2) : std::vector<std::string>{shortened(text, width - indent - 6)};
            if (parts.size() > 1) --num_left;
            std::string start(marked ? offending_mark : line.num_left_out > 0 ? ": " : "  ");
            for (const std::string& part : parts) {
                out_ += std::string(indent, ' ') + (marked ? painted(start + part, colour_of(finding.verdict)) : start + part) + '\n';
                start = "    ";
            }
        }
    }

    void lines_of_baseline() {
        const auto known = findings_of(report_, true);
        for (const Finding* finding : known)
            out_ += "known     " + printable(finding->requirement) + " (" + std::string(name_of(finding->verdict)) +
                    ", " + counted(finding->scenarios.size(), "case") + "): " + shortened(*finding->known, width) +
                    '\n';
        stale();
        if (!known.empty() || !report_.stale.empty()) out_ += '\n';
    }

    void stale() {
        for (const std::string& each : report_.stale)
            out_ += "stale     " + shortened(each, width) + " (did not occur: take it off the baseline)\n";
    }

    /// Why cases tell nothing.
    void untold() {
        const std::size_t size = out_.size();
        for (const auto& [verdict, label] : {std::pair{Verdict::inconclusive, "unknown   "}, std::pair{Verdict::skipped, "skipped   "}})
            for (const auto& [reason, count] : counted_by_reason(report_, verdict))
                out_ += label + counted(count, "case") + ": " + shortened(reason, remark_size_max) + '\n';
        if (out_.size() > size) out_ += '\n';
    }

    void certificate() {
        for (const ProfileStanding& each : certificate_of(report_, requirements_))
            out_ += labelled("  " + each.profile, each.print(), 16, width);
        out_ += "  " + std::string(how_cases_count) + '\n';
        out_ += '\n';
    }

    void closing() {
        std::array<char, 32> seconds{};
        std::snprintf(seconds.data(), seconds.size(), "%.1f s", report_.duration_ms / 1000);
        const int code = exit_code_of(report_);
        const Verdict verdict = code == 0 ? Verdict::pass : code == 1 ? Verdict::fail : Verdict::inconclusive;
        out_ += counts_of(report_) + "   (" + seconds.data() + ")  -> " +
                painted(conclusion_of(report_), colour_of(verdict)) + '\n';
    }

    const Report& report_;
    const Register& requirements_;
    const TerminalOptions& options_;
    std::string out_;
};

}  // namespace

std::string terminal_report(const Report& report, const Register& requirements, const TerminalOptions& options) {
    return Writer(report, requirements, options).write();
}

}  // namespace fcgispec
