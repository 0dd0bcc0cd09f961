#pragma once

#include <curl/curl.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "http/client.hpp"

namespace prot::http {

/// Takes what a Transfer has to say; called on the thread that runs it.
class TransferEvents {
 public:
  virtual ~TransferEvents() = default;
  virtual void on_event(Event event) = 0;
  /// False: no room now. The transfer pauses until Transfer::resume().
  virtual bool has_room() = 0;
};

/// One request on one libcurl easy handle. Not thread-safe; belongs to the client's worker.
/// Invariant: says exactly one kDone or kError, then nothing more.
/// Lifetime: the events and the counter must outlive it; it must be taken out of its multi handle first.
class Transfer {
 public:
  Transfer(RequestId id, Request request, TransferEvents& events, std::atomic<std::size_t>& live_handles);
  ~Transfer();
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  [[nodiscard]] CURL* easy() const noexcept { return easy_; }
  [[nodiscard]] RequestId id() const noexcept { return id_; }
  [[nodiscard]] bool ended() const noexcept { return ended_; }
  /// When a time limit will have passed; kNever when there is none now.
  [[nodiscard]] Nanos deadline() const noexcept;
  /// Ends with an error when the deadline has passed.
  void check_deadline(Nanos now);
  /// libcurl is through with it.
  void complete(CURLcode code);
  /// Goes on after a pause.
  void resume();

 private:
  struct SlistFree {
    void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
  };
  void configure();
  void add_headers();
  void take_header(std::string_view line);
  [[nodiscard]] bool take_body(std::string_view bytes);
  void fail(ErrorClass error_class, const std::string& why);
  void fail_status();
  [[nodiscard]] std::string masked(std::string text) const;
  [[nodiscard]] Nanos retry_after() const;
  [[nodiscard]] std::string_view header(std::string_view name) const;
  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self) noexcept;
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self) noexcept;

  RequestId id_;
  Request request_;
  TransferEvents& events_;
  std::atomic<std::size_t>& live_handles_;
  CURL* easy_;
  std::unique_ptr<curl_slist, SlistFree> header_list_;
  std::array<char, CURL_ERROR_SIZE> error_text_{};
  Headers answer_headers_;
  int status_ = 0;
  std::string error_body_;
  Nanos started_;
  Nanos last_byte_ = 0;  // 0: none yet
  bool paused_ = false;
  bool ended_ = false;
};

/// libcurl's global state, made once for the process.
void init_library();

}  // namespace prot::http
