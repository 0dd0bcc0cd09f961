#pragma once

namespace prot::top {

/// prot-top: options, then the live screen, or text (-b) or JSON lines (--json). Exit codes: 0 ok, 1 failure,
/// 2 usage, 3 no such instance, 4 a segment is refused.
int run_top(int argc, char** argv);

}  // namespace prot::top
