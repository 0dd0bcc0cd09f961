#pragma once

#include <functional>
#include <memory>
#include <string>

#include "language_model.hpp"
#include "stage/config.hpp"
#include "stage/secrets.hpp"

namespace prot::brain {

/// The configured language model: brain.url, else llama-server at `local_socket`. `wake` is called on the
/// backend's thread and must not block. Throws Error.
[[nodiscard]] std::unique_ptr<LanguageModel> make_language_model(const stage::Config& config,
                                                                 const stage::Secrets& secrets,
                                                                 const std::string& local_socket,
                                                                 std::function<void()> wake);

}  // namespace prot::brain
