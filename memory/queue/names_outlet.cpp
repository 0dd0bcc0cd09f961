#include "queue/names_outlet.hpp"

#include <utility>

#include "base/log.hpp"
#include "wire/names.hpp"

namespace prot::memory {

void NamesOutlet::put(std::span<const std::string> names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : "\n") + name;
  if (text_ == text) return;
  text_ = std::move(text);
  count_ = static_cast<std::uint32_t>(names.size());
  waits_ = true;
}

int NamesOutlet::flush(std::uint32_t consumer) {
  if (!text_) return 0;
  waits_ = waits_ || (consumer != told_ && !text_->empty());
  if (!waits_) return 0;
  const ipc::PublishResult result =
      wire::send(*output_, wire::KeyTerms{count_}, wire::as_bytes(std::string_view(*text_)), {});
  if (result == ipc::PublishResult::kFull) return 0;
  if (result != ipc::PublishResult::kOk) log_error("a frame for 'names' cannot be sent");
  told_ = consumer;
  waits_ = false;
  return 1;
}

}  // namespace prot::memory
