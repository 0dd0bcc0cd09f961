#include "fallback_model.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"

namespace prot::brain {
namespace {

using http::ErrorClass;

constexpr int kMostRefusals = 2;
Request probe_request(Nanos limit) {
  Request request;
  request.messages.push_back({Role::kUser, "Hi", {}, {}});
  request.prefill = true;  // one token
  request.lane = Lane::kText;
  request.first_event_limit = limit;
  return request;
}

std::string text_before_last_word(std::string& held) {
  const std::size_t blank = held.find_last_of(" \t\r\n");
  if (blank == std::string::npos) return {};
  std::string whole = held.substr(0, blank);
  held.erase(0, blank);
  return whole;
}

}  // namespace

FallbackModel::FallbackModel(std::vector<std::unique_ptr<LanguageModel>> models, FallbackSettings settings)
    : settings_(settings) {
  for (std::unique_ptr<LanguageModel>& model : models) {
    const std::string shown = model->name() + (members_.empty() ? "" : " (fallback)");
    members_.push_back({std::move(model), shown, {settings.first_probe, settings.longest_probe}});
  }
}

std::size_t FallbackModel::in_use() const noexcept {
  for (std::size_t i = 0; i < members_.size(); ++i)
    if (!members_[i].back_off.failed()) return i;
  return 0;
}

// The first living one that was not asked yet, else the first dead one; members_.size(): none is left.
std::size_t FallbackModel::next_for(const Call& call) const noexcept {
  for (const bool dead : {false, true})
    for (std::size_t i = 0; i < members_.size(); ++i)
      if (members_[i].back_off.failed() == dead && (call.asked & (1U << i)) == 0) return i;
  return members_.size();
}

RequestId FallbackModel::start(const Request& request, Nanos now) {
  const RequestId id = ++last_id_;
  Call& call = calls_[id];
  call.request = request;
  call.until = now + settings_.patience;
  ask(call, request.prefill ? in_use() : next_for(call), now);
  return id;
}

void FallbackModel::ask(Call& call, std::size_t member, Nanos now) {
  call.member = member;
  call.asked |= 1U << member;
  LanguageModel& model = *members_[member].model;
  Request request = call.said.empty() ? call.request : going_on(call.request, call.said, model.can_prefill());
  // While another one is left, this one has half of the time; the last one the rest, but for one on this
  // machine, which may have to read the whole prompt first.
  const bool last = next_for(call) == members_.size();
  const Nanos left = std::max(call.until - now, settings_.patience / 2);
  if (!request.prefill && (!last || !model.can_prefill()))
    request.first_event_limit = last ? left + settings_.last_wait : left / 2;
  // One that dribbles is better than none.
  if (!last && !members_[next_for(call)].back_off.failed()) request.lag_limit = settings_.patience;
  call.inner = model.start(request, now);
}

std::vector<ModelEvent> FallbackModel::poll(Nanos now) {
  Out out;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    for (ModelEvent& event : members_[i].model->poll(now)) {
      if (on_probe(members_[i], event, now)) continue;
      const auto it = std::find_if(calls_.begin(), calls_.end(), [&](const auto& item) {
        return item.second.member == i && item.second.inner == event.id;
      });
      if (it != calls_.end()) on_event(it, std::move(event), now, out);
    }
  }
  start_probes(now);
  return out;
}

void FallbackModel::cancel(RequestId id) {
  const auto it = calls_.find(id);
  if (it == calls_.end()) return;
  Member& member = members_[it->second.member];
  if (!it->second.said.empty()) works(member, true);  // it was interrupted in its words
  member.model->cancel(it->second.inner);
  calls_.erase(it);
}

Nanos FallbackModel::next_deadline() const {
  Nanos deadline = kNever;
  for (const Member& member : members_)
    deadline = std::min(
        {deadline, member.model->next_deadline(), member.probe == 0 ? member.back_off.due() : kNever});
  return deadline;
}

void FallbackModel::on_event(Calls::iterator it, ModelEvent event, Nanos now, Out& out) {
  Call& call = it->second;
  if (event.kind == ModelEvent::Kind::kError) return on_error(it, event, now, out);
  works(members_[call.member], event.kind == ModelEvent::Kind::kDone && !call.request.prefill);
  event.id = it->first;
  if (event.kind == ModelEvent::Kind::kText) {
    event.text = pass(call, event.text);
    if (event.text.empty()) return;
  }
  if (event.kind == ModelEvent::Kind::kDone) {
    if (std::string rest = pass_rest(call); !rest.empty()) {
      ModelEvent last = event;
      last.kind = ModelEvent::Kind::kText;
      last.text = std::move(rest);
      out.push_back(std::move(last));
    }
    if (call.joint) event.verbatim.clear();  // it is only the end of the answer
    calls_.erase(it);
  }
  out.push_back(std::move(event));
}

void FallbackModel::on_error(Calls::iterator it, const ModelEvent& event, Nanos now, Out& out) {
  Call& call = it->second;
  ModelEvent told = event;
  told.id = it->first;
  if (!call.request.prefill) {
    failed(call.member, event.error, event.text, now);
    const std::size_t next = next_for(call);
    if (next < members_.size()) {
      call.held.clear();
      if (!call.said.empty()) call.joint.emplace(call.said);
      log_warn("the language model {} goes on: {} failed {}", members_[next].shown,
               members_[call.member].shown,
               call.said.empty() ? "before the first word" : "in the middle of its answer");
      return ask(call, next, now);
    }
    if (std::string rest = pass_rest(call); !rest.empty()) {
      ModelEvent last = told;
      last.kind = ModelEvent::Kind::kText;
      last.text = std::move(rest);
      out.push_back(std::move(last));
    }
  }
  calls_.erase(it);
  out.push_back(std::move(told));
}

std::string FallbackModel::pass(Call& call, std::string_view text) {
  call.held += call.joint ? call.joint->push(text) : std::string(text);
  std::string whole = text_before_last_word(call.held);
  call.said += whole;
  return whole;
}

std::string FallbackModel::pass_rest(Call& call) {
  if (call.joint) call.held += call.joint->finish();
  call.said += call.held;
  return std::exchange(call.held, {});
}

// A prefill is as small a question as a probe.
void FallbackModel::works(Member& member, bool answered) {
  if (member.back_off.failed()) log_info("the language model {} works again", member.shown);
  member.refusals = 0;
  if (answered)
    member.back_off.answer();
  else
    member.back_off.answer_probe();
}

void FallbackModel::failed(std::size_t index, ErrorClass error, const std::string& why, Nanos now) {
  Member& member = members_[index];
  log_warn("the language model {} failed ({}): {}", member.shown, http::to_string(error), why);
  if (error == ErrorClass::kFatal && ++member.refusals < kMostRefusals) return;
  member.back_off.fail(now);
}

void FallbackModel::start_probes(Nanos now) {
  for (Member& member : members_) {
    if (member.back_off.due() > now || member.probe != 0) continue;
    member.probe = member.model->start(probe_request(settings_.patience), now);
  }
}

bool FallbackModel::on_probe(Member& member, const ModelEvent& event, Nanos now) {
  if (member.probe == 0 || event.id != member.probe) return false;
  if (event.kind == ModelEvent::Kind::kDone) {
    member.probe = 0;
    works(member, false);
  } else if (event.kind == ModelEvent::Kind::kError) {
    member.probe = 0;
    // Else a request was quicker to see that it works.
    if (member.back_off.failed()) member.back_off.fail_probe(now);
  }
  return true;
}

}  // namespace prot::brain
