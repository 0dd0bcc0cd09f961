#include "outbox.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/paths.hpp"
#include "base/sync_folder.hpp"
#include "base/unique_fd.hpp"
#include "ipc/layout.hpp"
#include "ipc/record_file.hpp"

namespace prot::brain {

void Outbox::add(const ipc::FrameInfo& info, std::string_view head, std::string_view tail,
                 const ipc::Sources& sources, std::function<void()> published) {
  waiting_.push_back({info, std::string(head), std::string(tail), sources, std::move(published)});
  flush();
}

int Outbox::flush() {
  int left = 0;
  while (!waiting_.empty()) {
    Frame& frame = waiting_.front();
    // Messages for a memory that is gone for good stay in the ring: the supervisor saves what is left there.
    const bool nobody_reads = black_hole_ || (spool_folder_.empty() && output_->consumer_closed());
    if (!nobody_reads) {
      const ipc::PublishResult result =
          output_->publish(frame.info, wire::as_bytes(frame.head), wire::as_bytes(frame.tail), frame.sources);
      const bool end_of_stream = frame.info.kind == static_cast<std::uint8_t>(wire::Kind::kEndOfStream);
      const bool pointless = end_of_stream && output_->consumer_closed();
      if (result == ipc::PublishResult::kFull && !pointless) break;
      if (result == ipc::PublishResult::kFaulted)
        throw Error("ring " + output_->name() + ": its consumer's page is damaged");
      if (result == ipc::PublishResult::kTooLarge)
        log_error("ring {}: a frame of {} bytes does not fit and was dropped", output_->name(),
                  frame.head.size() + frame.tail.size());
    }
    const std::function<void()> published = std::move(frame.published);
    waiting_.pop_front();
    ++left;
    if (published) published();
  }
  if (left > 0 || waiting_.empty()) stuck_since_ = 0;
  return left;
}

int Outbox::relieve(Nanos now) {
  if (waiting_.empty() || spool_folder_.empty()) return 0;
  if (stuck_since_ == 0) stuck_since_ = now;
  if (now < stuck_since_ + kPatience) return 0;
  stuck_since_ = now;  // a failure is tried again after the same time
  std::string bytes;
  for (const Frame& frame : waiting_) bytes += spool_record(frame);
  if (bytes.empty() || !append_to_spool(bytes)) return 0;
  log_warn("ring {} is full: {} frames went to the spool", output_->name(), waiting_.size());
  int moved = 0;
  std::deque<Frame> moving;
  moving.swap(waiting_);
  for (Frame& frame : moving) {
    ++moved;
    if (frame.info.kind == static_cast<std::uint8_t>(wire::Kind::kEndOfStream)) {
      waiting_.push_back(std::move(frame));  // only the ring can carry that
    } else if (frame.published) {
      frame.published();
    }
  }
  return moved;
}

// A record of RecordHeader and payload: what memory replays (memory/queue/spool.hpp). Requests are not worth
// keeping.
std::string Outbox::spool_record(const Frame& frame) {
  const auto kind = static_cast<wire::Kind>(frame.info.kind);
  if (kind != wire::Kind::kUserMessage && kind != wire::Kind::kReplySegment &&
      kind != wire::Kind::kReplyEnd && kind != wire::Kind::kForgetRequest)
    return {};
  ipc::RecordHeader header{};
  header.length = static_cast<std::uint32_t>(frame.head.size() + frame.tail.size());
  header.kind = frame.info.kind;
  header.version = frame.info.version;
  header.flags = frame.info.flags;
  header.turn = frame.info.turn;
  header.made_ns = frame.info.made_ns;
  std::string body(sizeof header, '\0');
  std::memcpy(body.data(), &header, sizeof header);
  body += frame.head + frame.tail;
  std::string out;
  ipc::append_record(out, std::as_bytes(std::span(body)));
  return out;
}

bool Outbox::append_to_spool(const std::string& bytes) {
  try {
    make_private_directory(spool_folder_);
    const std::string path = spool_folder_ + "/" + std::to_string(wall_now() / kMicrosecond) + ".frames";
    // Under another name until it is whole: memory never meets half of it.
    const std::string draft = path + ".new";
    const UniqueFd file(::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file) throw errno_error("cannot create " + draft);
    const ssize_t written = ::write(file.get(), bytes.data(), bytes.size());
    const int error = written < 0 ? errno : ENOSPC;
    if (written == static_cast<ssize_t>(bytes.size()) && ::fdatasync(file.get()) == 0 &&
        ::rename(draft.c_str(), path.c_str()) == 0) {
      sync_folder(spool_folder_);  // else it comes again, and is the same message
      spool_fails_ = false;
      return true;
    }
    ::unlink(draft.c_str());
    throw errno_error("cannot write " + path, error);
  } catch (const std::exception& error) {
    if (!std::exchange(spool_fails_, true))
      log_error("spool: {}; what is said waits until there is room", error.what());
    return false;
  }
}

void Outbox::drop_turn(std::uint32_t turn) {
  stale_ += std::erase_if(waiting_, [turn](const Frame& frame) { return frame.info.turn == turn; });
}

}  // namespace prot::brain
