#include "vectors/golden_pairs.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

namespace prot::memory {
namespace {

struct Pair {
  const char* asked;
  const char* told;
};
// Few words in common: those alone would find them.
constexpr std::array kEnglish = std::to_array<Pair>({
    {"What does she do for a living?", "Maria works as a nurse in a hospital."},
    {"Which animal do they keep at home?", "We have a small dog called Rex."},
    {"Where did he grow up?", "Tom spent his childhood in a village near Oslo."},
    {"What is he not allowed to eat?", "Peanuts make him ill, he is allergic."},
    {"When do they get married?", "The wedding is on the fifth of June."},
    {"What instrument can she play?", "Anna has had violin lessons for ten years."},
    {"How is the weather?", "It has been raining heavily since the morning."},
    {"What sport does he like?", "On Sundays Ben goes swimming in the lake."},
    {"Why was the train late?", "A tree had fallen on the railway tracks."},
    {"What did they cook last night?", "For dinner we made soup with carrots and beans."},
});
constexpr std::array kKorean = std::to_array<Pair>({
    {"그 사람은 무슨 일을 해요?", "민수는 병원에서 간호사로 근무합니다."},
    {"집에서 어떤 동물을 키워요?", "우리 강아지 이름은 초코예요."},
    {"어디에서 자랐어요?", "지은이는 어린 시절을 부산에서 보냈어요."},
    {"못 먹는 음식이 뭐예요?", "땅콩 알레르기가 있어요."},
    {"결혼식은 언제예요?", "유월 오일에 식을 올려요."},
    {"무슨 악기를 연주해요?", "바이올린을 십 년 동안 배웠어요."},
    {"날씨가 어때요?", "아침부터 비가 많이 와요."},
    {"어떤 운동을 좋아해요?", "일요일마다 호수에서 수영해요."},
    {"기차가 왜 늦었어요?", "나무가 철길에 쓰러졌어요."},
    {"어제 저녁에 뭘 요리했어요?", "당근하고 콩으로 국을 끓였어요."},
});

}  // namespace

GoldenResult golden_pairs(Embedder& embedder, bool korean, const std::stop_token& stop) {
  std::vector<std::string> asked;
  std::vector<std::string> told;
  for (const Pair& pair : korean ? kKorean : kEnglish) {
    asked.emplace_back(pair.asked);
    told.emplace_back(pair.told);
  }
  const Embedded questions = embedder.embed(asked, TextKind::kQuery, stop);
  const Embedded texts = embedder.embed(told, TextKind::kDocument, stop);
  for (const Embedded* embedded : {&questions, &texts})
    if (embedded->error) throw *embedded->error;
  GoldenResult result;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    std::size_t nearest = 0;
    double best = -2.0;
    for (std::size_t k = 0; k < told.size(); ++k) {
      const Vector& question = questions.vectors[i];
      const Vector& text = texts.vectors[k];
      if (question.size() != text.size() || question.empty()) continue;
      const double like = std::inner_product(question.begin(), question.end(), text.begin(), 0.0);
      if (like > best) {
        best = like;
        nearest = k;
      }
    }
    result.right += best > -2.0 && nearest == i ? 1 : 0;
    ++result.pairs;
  }
  return result;
}

}  // namespace prot::memory
