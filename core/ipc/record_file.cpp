#include "ipc/record_file.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/copy_bytes.hpp"
#include "base/error.hpp"
#include "ipc/crc32c.hpp"

namespace prot::ipc {
namespace {

constexpr std::size_t kHead = 2 * sizeof(std::uint32_t);
constexpr std::size_t kChunk = 1U << 20U;

std::uint32_t word_at(const std::byte* bytes) noexcept {
  std::uint32_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

}  // namespace

void append_record(std::string& out, std::span<const std::byte> body) {
  const std::uint32_t head[2] = {static_cast<std::uint32_t>(body.size()), crc32c(body)};
  out.append(reinterpret_cast<const char*>(head), sizeof head);
  out.append(reinterpret_cast<const char*>(body.data()), body.size());
}

RecordReader::RecordReader(std::span<const std::byte> bytes)
    : read_([bytes](std::uint64_t offset, std::span<std::byte> into) {
        const std::size_t at = std::min<std::size_t>(offset, bytes.size());
        const std::size_t count = std::min(into.size(), bytes.size() - at);
        copy_bytes(into.data(), bytes.data() + at, count);
        return count;
      }) {}

RecordReader::RecordReader(int fd)
    : read_([fd](std::uint64_t offset, std::span<std::byte> into) {
        std::size_t done = 0;
        while (done < into.size()) {
          const ssize_t n =
              ::pread(fd, into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
          if (n < 0 && errno == EINTR) continue;
          if (n < 0) throw errno_error("cannot read a file of records");
          if (n == 0) break;
          done += static_cast<std::size_t>(n);
        }
        return done;
      }) {}

// True: so many bytes are unread in the buffer.
bool RecordReader::fill(std::size_t bytes) {
  while (buffer_.size() - begin_ < bytes && !ended_) {
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(begin_));
    begin_ = 0;
    const std::size_t had = buffer_.size();
    buffer_.resize(had + kChunk);
    const std::size_t got = read_(offset_ + had, std::span(buffer_).subspan(had));
    buffer_.resize(had + got);
    ended_ = got == 0;
  }
  return buffer_.size() - begin_ >= bytes;
}

void RecordReader::skip(std::size_t bytes) noexcept {
  begin_ += bytes;
  offset_ += bytes;
}

RecordReader::Found RecordReader::look(std::size_t at, std::span<const std::byte>& body) {
  if (!fill(at + kHead)) return Found::kCutOff;
  const std::size_t length = word_at(buffer_.data() + begin_ + at);
  if (length == 0 || length > kMostRecordBytes) return Found::kNone;
  if (!fill(at + kHead + length)) return Found::kCutOff;
  const std::byte* const head = buffer_.data() + begin_ + at;
  body = {head + kHead, length};
  if (crc32c(body) == word_at(head + sizeof(std::uint32_t))) return Found::kRecord;
  // A write that a power failure cut may have left its length and no data: at the very end only.
  return fill(at + kHead + length + 1) ? Found::kNone : Found::kCutOff;
}

bool RecordReader::next(std::span<const std::byte>& body) {
  const Found first = look(0, body);
  if (first == Found::kRecord) {
    skip(kHead + body.size());
    return true;
  }
  // Not here: at the next place that holds a whole one.
  for (std::size_t at = 1; fill(at + kHead); ++at) {
    if (at == kChunk) {  // the buffer does not grow with the damage
      if (damaged_ == 0) damaged_at_ = offset_;
      damaged_ += at;
      skip(at);
      at = 0;
    }
    if (look(at, body) != Found::kRecord) continue;
    if (damaged_ == 0) damaged_at_ = offset_;
    damaged_ += at;
    skip(at + kHead + body.size());
    return true;
  }
  const std::size_t rest = buffer_.size() - begin_;
  if (first == Found::kNone && rest > 0) {
    if (damaged_ == 0) damaged_at_ = offset_;
    damaged_ += rest;
  }
  skip(rest);
  return false;
}

}  // namespace prot::ipc
