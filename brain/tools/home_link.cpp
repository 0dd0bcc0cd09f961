#include "tools/home_link.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "base/error.hpp"
#include "json/json.hpp"
#include "text/utf8.hpp"

namespace prot::brain {
namespace {

constexpr std::size_t kLongestReason = 200;

constexpr const char* kRefused =
    "Home Assistant refuses the access token; nothing is asked until it is changed";

std::string without_tail(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  if (url.ends_with("/api")) url.resize(url.size() - 4);
  return url;
}

std::string host_of(std::string_view url) {
  const auto scheme = url.find("://");
  std::string_view host = scheme == std::string_view::npos ? url : url.substr(scheme + 3);
  host = host.substr(0, host.find_first_of("/?#"));
  if (const auto at = host.rfind('@'); at != std::string_view::npos) host.remove_prefix(at + 1);
  if (host.starts_with('[')) return std::string(host.substr(1, host.find(']') - 1));
  return std::string(host.substr(0, host.rfind(':')));
}

bool is_private(const in_addr& address) noexcept {
  const std::uint32_t ip = ntohl(address.s_addr);
  const auto in = [ip](std::uint32_t net, unsigned bits) {
    return (ip >> (32 - bits)) == (net >> (32 - bits));
  };
  return in(0x7F000000, 8) || in(0x0A000000, 8) || in(0xAC100000, 12) || in(0xC0A80000, 16) ||
         in(0xA9FE0000, 16) || in(0x64400000, 10);
}

bool is_private(const in6_addr& address) noexcept {
  const unsigned char first = address.s6_addr[0];
  return IN6_IS_ADDR_LOOPBACK(&address) || (first & 0xFEU) == 0xFC || IN6_IS_ADDR_LINKLOCAL(&address);
}

}  // namespace

bool is_home_address(std::string_view url) noexcept {
  const std::string host = host_of(url);
  in_addr four{};
  if (::inet_pton(AF_INET, host.c_str(), &four) == 1) return is_private(four);
  in6_addr six{};
  if (::inet_pton(AF_INET6, host.c_str(), &six) == 1) return is_private(six);
  // A name without a dot is of this network; "134744072" is another way to write 8.8.8.8.
  constexpr std::array<std::string_view, 4> kEnds = {".local", ".lan", ".home.arpa", ".internal"};
  return !host.empty() &&
         ((host.find('.') == std::string::npos &&
           std::isdigit(static_cast<unsigned char>(host.front())) == 0) ||
          std::any_of(kEnds.begin(), kEnds.end(), [&](std::string_view end) { return host.ends_with(end); }));
}

bool home_is_safe(std::string_view url, std::string_view plain_http) noexcept {
  if (url.starts_with("https://") || plain_http == "always") return true;
  return plain_http == "home" && url.starts_with("http://") && is_home_address(url);
}

HomeLink::HomeLink(HomeOptions options, std::function<void()> wake)
    : options_(std::move(options)), base_(without_tail(options_.url)), client_(std::move(wake)) {}

HomeLink::~HomeLink() = default;

http::Request HomeLink::request(std::string_view method, std::string_view path, Nanos time_limit) const {
  http::Request request;
  request.method = method;
  request.url = base_ + std::string(path);
  request.headers = {{"authorization", "Bearer " + options_.token}, {"content-type", "application/json"}};
  request.ca_file = options_.ca_file;
  request.connect_timeout_ms = options_.connect_timeout / kMillisecond;
  request.total_timeout_ms = time_limit / kMillisecond;
  return request;
}

http::RequestId HomeLink::get(std::string_view path) {
  return start(request("GET", path, options_.time_limit));
}

http::RequestId HomeLink::post(std::string_view path, std::string body, Nanos time_limit) {
  http::Request one = request("POST", path, time_limit);
  one.body = std::move(body);
  return start(std::move(one));
}

http::RequestId HomeLink::start(http::Request request) {
  if (refused()) throw Error(kRefused);
  const http::RequestId id = client_.start(std::move(request));
  open_.emplace(id, HomeAnswer{});
  return id;
}

std::optional<HomeAnswer> HomeLink::take(http::RequestId id) {
  pump();
  const auto found = done_.find(id);
  if (found == done_.end()) return std::nullopt;
  HomeAnswer answer = std::move(found->second);
  done_.erase(found);
  return answer;
}

void HomeLink::cancel(http::RequestId id) {
  client_.cancel(id);
  open_.erase(id);
  done_.erase(id);
}

void HomeLink::pump() {
  for (http::Event& event : client_.poll()) {
    const auto found = open_.find(event.id);
    if (found == open_.end()) continue;
    HomeAnswer& answer = found->second;
    bool over = false;
    switch (event.kind) {
      case http::Event::Kind::kStatus:
        answer.status = event.status;
        break;
      case http::Event::Kind::kData:
        answer.body += event.data;
        if (answer.body.size() <= kMaxBody) break;
        answer.body.resize(kMaxBody);  // what it did is done; nobody reads that much of it
        answer.whole = false;
        client_.cancel(event.id);
        over = true;
        break;
      case http::Event::Kind::kDone:
        over = true;
        break;
      case http::Event::Kind::kError:
        answer.status = event.status;
        answer.failure = failure_of(event.status, event.error_class, event.data);
        if (event.status == 401 || event.status == 403) refuse();
        over = true;
        break;
    }
    if (over) done_.insert(open_.extract(found));
  }
}

std::string HomeLink::failure_of(int status, http::ErrorClass error, std::string_view body) const {
  if (status == 401 || status == 403) return kRefused;
  if (status == 0)
    return error == http::ErrorClass::kFatal
               ? "Home Assistant cannot be reached: its address or certificate is wrong"
               : "Home Assistant cannot be reached, or does not answer in time";
  std::string reason;
  try {
    reason = json::parse(body).get("message").as_string();
  } catch (const Error&) {
    reason.clear();  // it is text for people, such as "400: Bad Request"
  }
  if (status == 404) return reason.empty() ? "Home Assistant knows nothing of that name" : reason;
  const std::string words =
      reason.empty() ? "" : ": " + std::string(text::truncate_utf8(reason, kLongestReason));
  if (status < 500) return "Home Assistant does not take that call (" + std::to_string(status) + ")" + words;
  return "Home Assistant failed (" + std::to_string(status) + ")" + words;
}

}  // namespace prot::brain
