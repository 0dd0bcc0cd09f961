#include "base/host_name.hpp"

#include <doctest/doctest.h>

#include <string>

namespace prot {

TEST_CASE("a host's name has neither brackets nor port, and an address of IPv6 one form") {
  for (const auto& [text, name] : {std::pair{"Lamp.Local:8000", "lamp.local"},
                                   {"localhost.", "localhost"},
                                   {"127.0.0.1", "127.0.0.1"},
                                   {"[::1]:80", "::1"},
                                   {"::1", "::1"},
                                   {"::", "::"},
                                   {"fd00::2", "fd00::2"},
                                   {"[FD00:0:0:0::2]:8000", "fd00::2"},
                                   {"fd00:0000::0002", "fd00::2"},
                                   {"fe80::1%eth0", "fe80::1"}}) {
    const std::string said = text;  // clang captures no structured binding
    CHECK_MESSAGE(host_name(said) == name, said);
  }
  for (const char* text :
       {"", ":80", "*", "*.local", "localhost:80:80", "localhost:x", "lamp:123456", "[::1", "[::1]x",
        "[::1]:x", "[lamp]", "[]", "fd00::2::3", "http://lamp", "user@lamp", "lamp/", "la mp"})
    CHECK_MESSAGE(host_name(text).empty(), text);
}

TEST_CASE("an origin is what a browser sends: no path, no capitals, no port that goes without saying") {
  for (const char* text :
       {"http://lamp.local", "http://lamp.local:8080", "https://lamp.local:80", "http://a",
        "http://[fd00::2]:8080", "http://127.0.0.1:1", "chrome-extension://abcdef", "tauri://localhost"})
    CHECK_MESSAGE(is_origin(text), text);
  for (const char* text : {"",
                           "*",
                           "null",
                           "a",
                           "lamp.local",
                           "http://",
                           "http://*",
                           "http://lamp.local:8080/",
                           "http://lamp.local/x",
                           "http://Lamp.local",
                           "HTTP://lamp.local",
                           "http://lamp.local:80",
                           "https://lamp.local:443",
                           "http://lamp.local:",
                           "http://lamp.local:080",
                           "http://fd00::2",
                           "http://[fd00:0::2]",
                           "http://me@lamp.local",
                           "tauri://localhost/",
                           "tauri://",
                           "://a",
                           "file:///",
                           "a b://c"})
    CHECK_MESSAGE(!is_origin(text), text);
}

}  // namespace prot
