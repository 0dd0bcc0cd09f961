#include "bench.hpp"

int main(int argc, char** argv) { return prot::bench::run_bench(argc, argv); }
