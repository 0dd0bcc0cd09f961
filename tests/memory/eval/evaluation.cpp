#include "tests/memory/eval/evaluation.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.hpp"
#include "tests/memory/eval/plain_bm25.hpp"

namespace prot::eval {
namespace {

double share_of(const std::vector<std::string>& wanted, const std::set<std::string>& found) {
  const auto held =
      std::count_if(wanted.begin(), wanted.end(), [&](const std::string& id) { return found.contains(id); });
  return static_cast<double>(held) / static_cast<double>(wanted.size());
}

template <typename Memory, typename Make>
class Run {
 public:
  Run(const Settings& settings, Make make) : settings_(settings), make_(std::move(make)) {}

  void take(const Line& line) {
    Memory& memory = memory_of(line.conversation);
    std::visit([&](const auto& what) { on(memory, line, what); }, line.what);
  }
  Report report() {
    const auto divide = [](Figures& figures) {
      const double count = std::max<double>(1.0, static_cast<double>(figures.questions));
      figures.at_k /= count;
      figures.in_block /= count;
    };
    divide(report_.all);
    for (auto& [category, figures] : report_.by_category) divide(figures);
    std::sort(report_.ms.begin(), report_.ms.end());
    return std::move(report_);
  }

 private:
  Memory& memory_of(const std::string& conversation) {
    auto known = memories_.find(conversation);
    if (known == memories_.end()) known = memories_.emplace(conversation, make_()).first;
    return *known->second;
  }
  void on(Memory& memory, const Line& line, const Message& message) {
    memory.take(message);
    ids_[line.conversation].insert(message.id);
    ++report_.messages;
  }
  template <typename What>
  void on(Memory& memory, const Line&, const What& what) {
    memory.take(what);
  }
  void on(Memory& memory, const Line& line, const Question& question) {
    if (question.evidence.empty() && question.absent.empty()) {
      ++report_.without_evidence;
      return;
    }
    const std::set<std::string>& known = ids_[line.conversation];
    for (const std::string& id : question.evidence) report_.unknown_evidence += known.contains(id) ? 0 : 1;
    const Findings found = memory.ask(question, settings_.k, settings_.tokens);
    report_.ms.push_back(found.ms);
    const std::set<std::string> ranked(found.ranked.begin(), found.ranked.end());
    double at_k = 0.0;
    double in_block = 0.0;
    if (question.evidence.empty()) {
      at_k = share_of(question.absent, ranked) == 0.0 ? 1.0 : 0.0;
      in_block = share_of(question.absent, found.in_block) == 0.0 ? 1.0 : 0.0;
    } else {
      at_k = share_of(question.evidence, ranked);
      in_block = share_of(question.evidence, found.in_block);
      add(report_.all, at_k, in_block);
    }
    add(report_.by_category[question.category], at_k, in_block);
    if (settings_.each) settings_.each(line, found);
  }
  static void add(Figures& figures, double at_k, double in_block) {
    ++figures.questions;
    figures.at_k += at_k;
    figures.in_block += in_block;
  }

  const Settings& settings_;
  Make make_;
  std::map<std::string, std::unique_ptr<Memory>> memories_;
  std::map<std::string, std::set<std::string>> ids_;
  Report report_;
};

template <typename Memory, typename Make>
Report run(const std::vector<Line>& corpus, const Settings& settings, Make make) {
  Run<Memory, Make> run(settings, std::move(make));
  for (const Line& line : corpus) run.take(line);
  return run.report();
}

}  // namespace

double Report::percentile(double part) const {
  if (ms.empty()) return 0.0;
  const auto place = static_cast<std::size_t>(std::ceil(part * static_cast<double>(ms.size())));
  return ms[std::min(ms.size(), std::max<std::size_t>(1, place)) - 1];
}

Report evaluate(const std::vector<Line>& corpus, const Settings& settings) {
  if (settings.plain) return run<PlainBm25>(corpus, settings, [] { return std::make_unique<PlainBm25>(); });
  return run<MemoryPath>(corpus, settings, [&] {
    return std::make_unique<MemoryPath>(settings.store(),
                                        settings.dense ? settings.dense() : memory::DenseLeg::Parts());
  });
}

}  // namespace prot::eval
