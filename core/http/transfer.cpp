#include "http/transfer.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "base/lower_case.hpp"
#include "http/masking.hpp"
#include "http/url.hpp"

namespace prot::http {
namespace {

constexpr std::size_t kMaxErrorBody = 64U << 10U;
constexpr std::size_t kMaxErrorText = 1000;  // of the body, where content may be logged
constexpr std::size_t kMaxHeaders = 200;

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

ErrorClass classify(CURLcode code) noexcept {
  switch (code) {
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_BAD_FUNCTION_ARGUMENT:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_OUT_OF_MEMORY:
      return ErrorClass::kFatal;
    default:
      return ErrorClass::kRetry;
  }
}

}  // namespace

void init_library() {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (code != CURLE_OK) throw Error(std::string("cannot set up libcurl: ") + curl_easy_strerror(code));
}

Transfer::Transfer(RequestId id, Request request, TransferEvents& events,
                   std::atomic<std::size_t>& live_handles)
    : id_(id),
      request_(std::move(request)),
      events_(events),
      live_handles_(live_handles),
      easy_(curl_easy_init()),
      started_(monotonic_now()) {
  if (easy_ == nullptr) throw Error("cannot make a libcurl handle");
  live_handles_.fetch_add(1);
  configure();
  add_headers();
}

Transfer::~Transfer() {
  curl_easy_cleanup(easy_);
  live_handles_.fetch_sub(1);
}

void Transfer::configure() {
  const auto set = [this](CURLoption option, auto value) { curl_easy_setopt(easy_, option, value); };
  set(CURLOPT_URL, request_.url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  // One stream a connection, so that a cancel closes the connection and the server sees it.
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_QUICK_EXIT, 1L);  // a cancel does not wait for the resolver
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  set(CURLOPT_USERAGENT, "prot");
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request_.connect_timeout_ms));
  set(CURLOPT_ERRORBUFFER, error_text_.data());
  set(CURLOPT_PRIVATE, static_cast<void*>(this));
  set(CURLOPT_HEADERFUNCTION, &Transfer::on_header);
  set(CURLOPT_HEADERDATA, static_cast<void*>(this));
  set(CURLOPT_WRITEFUNCTION, &Transfer::on_body);
  set(CURLOPT_WRITEDATA, static_cast<void*>(this));
  if (!request_.ca_file.empty()) set(CURLOPT_CAINFO, request_.ca_file.c_str());
  if (!request_.unix_socket.empty()) set(CURLOPT_UNIX_SOCKET_PATH, request_.unix_socket.c_str());
  if (!request_.unix_socket.empty() || is_loopback(request_.url)) set(CURLOPT_PROXY, "");
  if (request_.method == "GET") {
    set(CURLOPT_HTTPGET, 1L);
  } else if (request_.method == "HEAD") {
    set(CURLOPT_NOBODY, 1L);
  } else {
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
    set(CURLOPT_POSTFIELDS, request_.body.c_str());  // not copied: request_ stays
    if (request_.method != "POST") set(CURLOPT_CUSTOMREQUEST, request_.method.c_str());
  }
}

void Transfer::add_headers() {
  const auto add = [this](const std::string& line) {
    curl_slist* longer = curl_slist_append(header_list_.get(), line.c_str());
    if (longer == nullptr) throw Error("cannot keep a header: out of memory");
    (void)header_list_.release();
    header_list_.reset(longer);
  };
  add("Expect:");  // never wait for "100 Continue"
  for (const auto& [name, value] : request_.headers) {
    if ((name + value).find_first_of("\r\n") != std::string::npos) {
      return fail(ErrorClass::kFatal,
                  "header " + name.substr(0, name.find_first_of("\r\n")) + " holds a line break");
    }
    add(value.empty() ? name + ";" : name + ": " + value);
  }
  curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, header_list_.get());
}

std::size_t Transfer::on_header(char* data, std::size_t size, std::size_t count, void* self) noexcept {
  static_cast<Transfer*>(self)->take_header({data, size * count});
  return size * count;
}

std::size_t Transfer::on_body(char* data, std::size_t size, std::size_t count, void* self) noexcept {
  return static_cast<Transfer*>(self)->take_body({data, size * count}) ? size * count : CURL_WRITEFUNC_PAUSE;
}

void Transfer::take_header(std::string_view line) {
  if (ended_) return;
  if (line.starts_with("HTTP/")) {  // a new answer: the one before was only "100 Continue"
    answer_headers_.clear();
    return;
  }
  if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
    if (answer_headers_.size() == kMaxHeaders) return;
    answer_headers_.emplace_back(lower_case(line.substr(0, colon)),
                                 std::string(trimmed(line.substr(colon + 1))));
    return;
  }
  if (!trimmed(line).empty() || status_ != 0) return;  // only the blank line after the headers is left
  long status = 0;
  curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
  if (status < 200) return;
  status_ = static_cast<int>(status);
  if (status_ >= 400) return;  // said when the body is there
  Event event;
  event.kind = Event::Kind::kStatus;
  event.id = id_;
  event.status = status_;
  event.headers = answer_headers_;
  events_.on_event(std::move(event));
}

bool Transfer::take_body(std::string_view bytes) {
  if (ended_) return true;
  if (status_ >= 400) {  // it has failed: what it says of that earns no time, however slowly it comes
    error_body_.append(bytes.substr(0, kMaxErrorBody - std::min(kMaxErrorBody, error_body_.size())));
    return true;
  }
  last_byte_ = monotonic_now();
  if (!events_.has_room()) {
    paused_ = true;
    return false;
  }
  Event event;
  event.kind = Event::Kind::kData;
  event.id = id_;
  event.data = std::string(bytes);
  events_.on_event(std::move(event));
  return true;
}

void Transfer::resume() {
  if (!paused_ || ended_) return;
  paused_ = false;
  last_byte_ = monotonic_now();
  curl_easy_pause(easy_, CURLPAUSE_CONT);  // calls take_body with what it held back
}

Nanos Transfer::deadline() const noexcept {
  Nanos deadline =
      request_.total_timeout_ms > 0 ? started_ + request_.total_timeout_ms * kMillisecond : kNever;
  const std::int64_t limit_ms = last_byte_ == 0 ? request_.first_byte_timeout_ms : request_.idle_timeout_ms;
  if (limit_ms > 0 && !paused_) {  // while paused it is the owner who is slow
    deadline = std::min(deadline, (last_byte_ == 0 ? started_ : last_byte_) + limit_ms * kMillisecond);
  }
  return deadline;
}

void Transfer::check_deadline(Nanos now) {
  if (ended_ || now < deadline()) return;
  if (status_ >= 400) return fail_status();
  const bool total =
      request_.total_timeout_ms > 0 && now >= started_ + request_.total_timeout_ms * kMillisecond;
  if (total)
    return fail(ErrorClass::kRetry, "not done within " + std::to_string(request_.total_timeout_ms) + " ms");
  if (last_byte_ == 0) {
    return fail(ErrorClass::kRetry,
                "no answer within " + std::to_string(request_.first_byte_timeout_ms) + " ms");
  }
  fail(ErrorClass::kRetry, "nothing more within " + std::to_string(request_.idle_timeout_ms) + " ms");
}

void Transfer::complete(CURLcode code) {
  if (ended_) return;
  if (status_ >= 400) return fail_status();
  if (code != CURLE_OK) {
    return fail(classify(code), error_text_[0] != '\0' ? error_text_.data() : curl_easy_strerror(code));
  }
  ended_ = true;
  Event event;
  event.kind = Event::Kind::kDone;
  event.id = id_;
  event.status = status_;
  events_.on_event(std::move(event));
}

void Transfer::fail_status() {
  const std::string name = error_name(error_body_);
  log_content("HTTP {}: {}", status_, masked(error_body_.substr(0, kMaxErrorText)));
  fail(classify_status(status_, error_body_, retry_after() > 0),
       "HTTP " + std::to_string(status_) + (name.empty() ? "" : " (" + name + ")"));
}

void Transfer::fail(ErrorClass error_class, const std::string& why) {
  ended_ = true;
  Event event;
  event.kind = Event::Kind::kError;
  event.id = id_;
  event.status = status_;
  event.data = masked(error_body_);
  event.error_class = error_class;
  event.retry_after = retry_after();
  event.no_retry = header("x-should-retry") == "false";
  const std::string socket = request_.unix_socket.empty() ? "" : " on " + request_.unix_socket;
  event.message = masked(request_.method + " " + shown_url(request_.url) + socket + ": " + why);
  events_.on_event(std::move(event));
}

std::string Transfer::masked(std::string text) const {
  return http::masked(std::move(text), request_.headers, request_.url);
}

std::string_view Transfer::header(std::string_view name) const {
  for (const auto& [known, value] : answer_headers_)
    if (known == name) return value;
  return {};
}

Nanos Transfer::retry_after() const {
  if (const std::string_view value = header("retry-after-ms"); !value.empty())
    return parse_retry_after(std::string(value)) / 1000;
  return parse_retry_after(std::string(header("retry-after")));
}

}  // namespace prot::http
