#pragma once

#include "services/probe.hpp"

namespace prot::memory {

/// One short text, and two of them for a question. As services::Prober says.
[[nodiscard]] services::Answer probe_embeddings(const stage::CheckContext& context,
                                                const services::Service& service, const std::string& key);
[[nodiscard]] services::Answer probe_rerank(const stage::CheckContext& context,
                                            const services::Service& service, const std::string& key);

}  // namespace prot::memory
