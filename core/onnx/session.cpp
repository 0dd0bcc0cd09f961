#include "onnx/session.hpp"

#define ORT_API_MANUAL_INIT
#include <onnxruntime_cxx_api.h>

#include "base/error.hpp"
#include "base/log.hpp"

namespace prot::onnx {
namespace {

constexpr int kOrtApi = 22;  // what is used of ONNX Runtime is in every version from this on

// Before the first object of the library: without ORT_API_MANUAL_INIT it would do this while loading.
struct Api {
  Api() {
    const OrtApi* api = OrtGetApiBase()->GetApi(kOrtApi);
    if (api == nullptr) throw Error("this ONNX Runtime is too old", 78);
    Ort::InitApi(api);
  }
};

Ort::SessionOptions options() {
  Ort::SessionOptions made;
  made.SetIntraOpNumThreads(1);
  made.SetInterOpNumThreads(1);
  made.AddConfigEntry("session.intra_op.allow_spinning", "0");
  made.SetGraphOptimizationLevel(GraphOptimizationLevel::ORT_ENABLE_ALL);
  return made;
}

template <typename T>
Ort::Value tensor(const Ort::MemoryInfo& memory, std::span<const T> data,
                  std::span<const std::int64_t> shape) {
  // The library takes inputs as mutable and leaves them alone.
  return Ort::Value::CreateTensor(memory, const_cast<T*>(data.data()), data.size(), shape.data(),
                                  shape.size());
}

}  // namespace

struct Session::Impl {
  Api api;
  Ort::Env environment{ORT_LOGGING_LEVEL_ERROR, "prot"};
  Ort::RunOptions run_options;
  Ort::Session session{nullptr};
};

Session::Session(const std::string& file) try : impl_(std::make_unique<Impl>()) {
  impl_->session = Ort::Session(impl_->environment, file.c_str(), options());
} catch (const Ort::Exception& error) {
  throw Error(error.what());
}

Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

std::size_t Session::inputs() const { return impl_->session.GetInputCount(); }
std::size_t Session::outputs() const { return impl_->session.GetOutputCount(); }

std::vector<float> Session::run(std::span<const Input> inputs, const char* output) {
  try {
    const Ort::MemoryInfo memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
    std::vector<const char*> names;
    std::vector<Ort::Value> values;
    for (const Input& input : inputs) {
      names.push_back(input.name);
      values.push_back(
          std::visit([&](const auto& data) { return tensor(memory, data, input.shape); }, input.data));
    }
    const std::vector<Ort::Value> result =
        impl_->session.Run(impl_->run_options, names.data(), values.data(), values.size(), &output, 1);
    const std::size_t count = result.front().GetTensorTypeAndShapeInfo().GetElementCount();
    const float* data = result.front().GetTensorData<float>();
    return {data, data + count};
  } catch (const Ort::Exception& error) {
    throw Error(error.what());
  }
}

void Session::interrupt() noexcept {
  try {
    impl_->run_options.SetTerminate();
  } catch (const Ort::Exception& error) {
    log_warn("ONNX Runtime: {}", error.what());
  }
}

void Session::allow() noexcept {
  try {
    impl_->run_options.UnsetTerminate();
  } catch (const Ort::Exception& error) {
    log_warn("ONNX Runtime: {}", error.what());
  }
}

}  // namespace prot::onnx
