#pragma once

#include <string>

#include "http/http.hpp"
#include "stage/self_check.hpp"

namespace prot::services {

/// Whether a service is there and takes the key, asked at no cost: for `prot doctor` without --services.
struct Greeting {
  std::string what;          // as the doctor calls it
  http::Request request;     // of something small that it has
  std::string key_name;      // the environment variable of its key
  std::string address_mend;  // what to do when nobody answers
  std::string good;          // what is found when somebody does
};
/// By GET. Any answer shows that it is there; only a refused key is the configuration's fault. Blocking, for
/// 3 s at most.
[[nodiscard]] stage::Finding greet(Greeting greeting);

}  // namespace prot::services
