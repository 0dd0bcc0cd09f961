#pragma once

#include <memory>

#include "embedders/local_server.hpp"
#include "embedders/service.hpp"

namespace prot::memory {

/// Vectors of a model file on this machine. `service`: prefixes, dimension, rules. Its id names the file and
/// its size, so another file is another model. Before the first vectors it must tell texts that are alike
/// from those that are not (golden_pairs): else it fails, and memories are found by their words.
[[nodiscard]] std::unique_ptr<Embedder> make_local_embedder(std::shared_ptr<LocalServer> server,
                                                            const LocalServer::Settings& settings,
                                                            VectorService service, Nanos patience);

}  // namespace prot::memory
