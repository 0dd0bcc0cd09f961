#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/back_off.hpp"
#include "continuation.hpp"
#include "language_model.hpp"

namespace prot::brain {

struct FallbackSettings {
  Nanos patience = 3 * kSecond;        // for the first event of an answer, of all models together
  Nanos last_wait = 10 * kSecond;      // so much longer for the last one: nobody else is left
  Nanos first_probe = 2 * kSecond;     // after a failure
  Nanos longest_probe = 60 * kSecond;  // the pause between two probes doubles up to this
};

/// Several language models as one: the first that works answers. When it fails, the next one takes over: from
/// the beginning, or, when words of its answer have been passed on, from where they end.
///
///   model   | asked by                                  | left by
///   alive   | every request, in the order of the list   | a failure of its own (a request that it does not
///           |                                           | understand: the second in a row) -> dead
///   dead    | a small probe in the background; a request| an answer -> alive
///           | only when no model is alive               |
///
/// One that answered a probe is on trial (BackOff): who then fails an answer is left alone for longer.
/// One thread. Invariants: words are passed on whole, so that the next model goes on at a word's end; nothing
/// is passed on twice; a request is asked of each model once at most.
class FallbackModel final : public LanguageModel {
 public:
  /// REQUIRES: at least one model.
  FallbackModel(std::vector<std::unique_ptr<LanguageModel>> models, FallbackSettings settings);

  RequestId start(const Request& request, Nanos now) override;
  [[nodiscard]] std::vector<ModelEvent> poll(Nanos now) override;
  void cancel(RequestId id) override;
  [[nodiscard]] Nanos next_deadline() const override;
  /// "NAME", of another than the first "NAME (fallback)".
  [[nodiscard]] const std::string& name() const override { return members_[in_use()].shown; }
  [[nodiscard]] bool can_prefill() const override { return members_[in_use()].model->can_prefill(); }

 private:
  struct Member {
    std::unique_ptr<LanguageModel> model;
    std::string shown;
    BackOff back_off;
    int refusals = 0;     // in a row: requests that it did not understand
    RequestId probe = 0;  // 0: none under way
  };
  struct Call {
    Request request;
    std::size_t member = 0;
    RequestId inner = 0;
    std::uint32_t asked = 0;  // bit for each member
    Nanos until = 0;
    std::string said;  // passed on
    std::string held;  // a word that may go on
    std::optional<Continuation> joint;
  };
  using Calls = std::map<RequestId, Call>;
  using Out = std::vector<ModelEvent>;

  [[nodiscard]] std::size_t in_use() const noexcept;
  [[nodiscard]] std::size_t next_for(const Call& call) const noexcept;
  void ask(Call& call, std::size_t member, Nanos now);
  void on_event(Calls::iterator it, ModelEvent event, Nanos now, Out& out);
  void on_error(Calls::iterator it, const ModelEvent& event, Nanos now, Out& out);
  bool on_probe(Member& member, const ModelEvent& event, Nanos now);
  void start_probes(Nanos now);
  void failed(std::size_t member, http::ErrorClass error, const std::string& why, Nanos now);
  static void works(Member& member, bool answered);
  static std::string pass(Call& call, std::string_view text);
  static std::string pass_rest(Call& call);

  FallbackSettings settings_;
  std::vector<Member> members_;
  Calls calls_;
  RequestId last_id_ = 0;
};

}  // namespace prot::brain
