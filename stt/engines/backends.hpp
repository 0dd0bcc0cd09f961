#pragma once

#include <memory>

#include "speech_recognizer.hpp"

/// What each engine's file offers to the registry.
namespace prot::stt {

[[nodiscard]] std::unique_ptr<SpeechRecognizer> make_elevenlabs_recognizer(const RecognizerOptions& options);
[[nodiscard]] std::unique_ptr<SpeechRecognizer> make_null_recognizer(const RecognizerOptions& options);
[[nodiscard]] std::unique_ptr<SpeechRecognizer> make_openai_recognizer(const RecognizerOptions& options);
[[nodiscard]] std::unique_ptr<SpeechRecognizer> make_whisper_recognizer(const RecognizerOptions& options);
[[nodiscard]] std::unique_ptr<SpeechRecognizer> make_wyoming_recognizer(const RecognizerOptions& options);

}  // namespace prot::stt
