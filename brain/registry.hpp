#pragma once

#include <functional>
#include <memory>
#include <string>

#include "language_model.hpp"
#include "stage/config.hpp"
#include "stage/secrets.hpp"

namespace prot::brain {

/// The configured language model (stage::model_specs; the local llama-server is at `local_socket`), or
/// several as one. `wake` is called on the backends' threads and must not block. Throws Error.
[[nodiscard]] std::unique_ptr<LanguageModel> make_language_model(const stage::Config& config,
                                                                 const stage::Secrets& secrets,
                                                                 const std::string& local_socket,
                                                                 const std::function<void()>& wake);

}  // namespace prot::brain
