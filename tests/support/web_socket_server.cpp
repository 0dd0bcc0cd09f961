#include "web_socket_server.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>

#include "base/clock.hpp"

namespace prot::test {

int Frame::close_code() const {
  if (payload.size() < 2) return 1005;
  return static_cast<unsigned char>(payload[0]) * 256 + static_cast<unsigned char>(payload[1]);
}

/// The bytes of a connection, encrypted or not.
class PeerTransport {
 public:
  PeerTransport(int fd, SSL* tls) : fd_(fd), tls_(tls) {}
  ~PeerTransport() {
    if (tls_ != nullptr) SSL_free(tls_);
  }
  PeerTransport(const PeerTransport&) = delete;
  PeerTransport& operator=(const PeerTransport&) = delete;

  [[nodiscard]] bool write(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t sent = tls_ != nullptr ? SSL_write(tls_, bytes.data(), static_cast<int>(bytes.size()))
                                           : ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  [[nodiscard]] bool wait(const ServerEnd& end, int milliseconds) const {
    if (tls_ != nullptr && SSL_pending(tls_) > 0) return !end;
    return end.wait_for(fd_, POLLIN, milliseconds);
  }
  [[nodiscard]] std::string read() const {
    std::array<char, 16'384> block;
    const ssize_t got = tls_ != nullptr ? SSL_read(tls_, block.data(), static_cast<int>(block.size()))
                                        : ::recv(fd_, block.data(), block.size(), 0);
    return got > 0 ? std::string(block.data(), static_cast<std::size_t>(got)) : std::string();
  }
  [[nodiscard]] bool left() const { return client_left(fd_); }
  void reset() const { reset_at_close(fd_); }

 private:
  int fd_;
  SSL* tls_;
};

WebSocketPeer::WebSocketPeer(std::unique_ptr<PeerTransport> transport, const ServerEnd& end, unsigned seed)
    : transport_(std::move(transport)), end_(end), random_(seed) {}
WebSocketPeer::~WebSocketPeer() = default;

bool WebSocketPeer::fill(int milliseconds) {
  if (gone_ || !transport_->wait(end_, milliseconds)) return false;
  const std::string got = transport_->read();
  gone_ = got.empty();
  buffer_ += got;
  return !gone_;
}

bool WebSocketPeer::read_head() {
  std::size_t end = 0;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos)
    if (!fill(10'000)) return false;
  head = buffer_.substr(0, end + 4);
  buffer_.erase(0, end + 4);
  return true;
}

void WebSocketPeer::upgrade() {
  constexpr std::string_view kName = "Sec-WebSocket-Key: ";
  const std::size_t at = head.find(kName) + kName.size();
  const std::string key =
      head.substr(at, head.find("\r\n", at) - at) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned size = 0;
  EVP_Digest(key.data(), key.size(), hash.data(), &size, EVP_sha1(), nullptr);
  std::array<unsigned char, 64> text{};
  const int length = EVP_EncodeBlock(text.data(), hash.data(), static_cast<int>(size));
  send_raw(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
      "Upgrade\r\nSec-WebSocket-Accept: " +
      std::string(text.begin(), text.begin() + length) + "\r\n\r\n");
}

void WebSocketPeer::answer(std::string_view status, std::string_view headers, std::string_view body) {
  send_raw("HTTP/1.1 " + std::string(status) + "\r\n" + std::string(headers) +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body));
}

void WebSocketPeer::send_raw(std::string_view bytes) {
  while (!bytes.empty() && !gone_) {
    const std::size_t size = split ? std::min<std::size_t>(bytes.size(), 1 + random_() % 7) : bytes.size();
    gone_ = !transport_->write(bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
}

void WebSocketPeer::send_frame(Opcode opcode, std::string_view payload, bool fin) {
  std::string head_bytes;
  head_bytes.push_back(static_cast<char>((fin ? 0x80U : 0U) | static_cast<unsigned>(opcode)));
  const std::size_t size = payload.size();
  const unsigned extra = size < 126 ? 0 : size < 65'536 ? 2 : 8;
  head_bytes.push_back(static_cast<char>(extra == 0 ? size : extra == 2 ? 126 : 127));
  for (unsigned i = extra; i > 0; --i) head_bytes.push_back(static_cast<char>(size >> (8 * (i - 1))));
  send_raw(head_bytes + std::string(payload));
}

void WebSocketPeer::send_close(int code, std::string_view reason) {
  std::string payload{static_cast<char>(code >> 8), static_cast<char>(code & 255)};
  send_frame(Opcode::kClose, payload + std::string(reason));
}

void WebSocketPeer::reset() { transport_->reset(); }

std::optional<Frame> WebSocketPeer::take_frame() {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(buffer_[at]); };
  if (buffer_.size() < 2) return std::nullopt;
  std::size_t size = byte(1) & 127U;
  const std::size_t extra = size < 126 ? 0 : size == 126 ? 2 : 8;
  const std::size_t begin = 2 + extra + 4;
  if (buffer_.size() < begin) return std::nullopt;
  if (extra > 0) size = 0;
  for (std::size_t i = 0; i < extra; ++i) size = size << 8U | byte(2 + i);
  if (buffer_.size() < begin + size) return std::nullopt;
  Frame frame{static_cast<Opcode>(byte(0) & 15U), buffer_.substr(begin, size)};
  for (std::size_t i = 0; i < size; ++i)
    frame.payload[i] = static_cast<char>(frame.payload[i] ^ buffer_[begin - 4 + i % 4]);
  buffer_.erase(0, begin + size);
  return frame;
}

std::optional<Frame> WebSocketPeer::receive(int milliseconds) {
  const Nanos until = monotonic_now() + milliseconds * kMillisecond;
  for (;;) {
    if (std::optional<Frame> frame = take_frame()) return frame;
    const Nanos left = until - monotonic_now();
    if (left < 0 || !fill(static_cast<int>(left / kMillisecond))) return std::nullopt;
  }
}

std::optional<std::string> WebSocketPeer::receive_text(int milliseconds) {
  while (std::optional<Frame> frame = receive(milliseconds)) {
    if (frame->opcode == Opcode::kText) return std::move(frame->payload);
    if (frame->opcode == Opcode::kPing) send_frame(Opcode::kPong, frame->payload);
    if (frame->opcode == Opcode::kClose) return std::nullopt;
  }
  return std::nullopt;
}

bool WebSocketPeer::closed_within(int milliseconds) {
  const Nanos until = monotonic_now() + milliseconds * kMillisecond;
  for (Nanos left = until - monotonic_now(); left >= 0 && !gone_ && !end_; left = until - monotonic_now()) {
    const std::optional<Frame> frame = receive(static_cast<int>(left / kMillisecond));
    if (frame && frame->opcode == Opcode::kClose) return true;
  }
  return gone_ || transport_->left();
}

/// A key and a certificate that signs itself.
struct WebSocketServer::Tls {
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  EVP_PKEY* key = EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256");
  X509* certificate = X509_new();

  Tls() {
    std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to whoever has gone
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME* name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("localhost"),
                               -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    X509_EXTENSION* names = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:localhost");
    X509_add_ext(certificate, names, -1);
    X509_EXTENSION_free(names);
    X509_sign(certificate, key, EVP_sha256());
    SSL_CTX_use_certificate(context, certificate);
    SSL_CTX_use_PrivateKey(context, key);
  }
  ~Tls() {
    X509_free(certificate);
    EVP_PKEY_free(key);
    SSL_CTX_free(context);
  }
  /// The file that trusts it; whoever asks unlinks it.
  [[nodiscard]] std::string written() const {
    std::string path = "/tmp/prot-test-XXXXXX";
    std::FILE* stream = ::fdopen(::mkstemp(path.data()), "w");
    PEM_write_X509(stream, certificate);
    std::fclose(stream);
    return path;
  }
  Tls(const Tls&) = delete;
  Tls& operator=(const Tls&) = delete;
};

WebSocketServer::WebSocketServer(Handler handler, bool tls)
    : handler_(std::move(handler)),
      tls_(tls ? std::make_unique<Tls>() : nullptr),
      certificate_(tls ? tls_->written() : ""),
      listener_([this](int fd, unsigned number) { serve(fd, number); }) {}

WebSocketServer::~WebSocketServer() {
  if (!certificate_.empty()) ::unlink(certificate_.c_str());
}

std::string WebSocketServer::url(std::string_view path) const {
  return (tls_ ? "wss://localhost:" : "ws://127.0.0.1:") + std::to_string(listener_.port()) +
         std::string(path);
}

void WebSocketServer::serve(int fd, unsigned number) {
  SSL* ssl = nullptr;
  if (tls_) {
    ssl = SSL_new(tls_->context);
    SSL_set_fd(ssl, fd);
    if (SSL_accept(ssl) != 1) {
      SSL_free(ssl);
      return;
    }
  }
  WebSocketPeer peer(std::make_unique<PeerTransport>(fd, ssl), listener_.end(), number);
  if (peer.read_head()) handler_(peer);
}

}  // namespace prot::test
