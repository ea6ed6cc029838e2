#include "pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <thread>

#include <pthread.h>
#if defined(__linux__)
#include <sched.h>
#endif

namespace nightingale {
namespace {

// What is multiplied here is bound by memory; more threads than this would only get in each other's way.
constexpr int kMostThreads = 16;
// How long a helper looks for more work before it sleeps: longer than the pauses within a model's pass and between two
// tokens, for on a virtual machine waking takes 50 to 200 microseconds. It offers its core to others at every look, so
// many processes on few cores lose little by it, and one that waits for its next text costs nothing.
constexpr auto kAwake = std::chrono::microseconds(1000);

void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// A container's share of the machine is often told by a quota only, not by which cores may be used.
int quota() {
  int cores = kMostThreads;
  if (std::FILE* file = std::fopen("/sys/fs/cgroup/cpu.max", "r")) {
    long long limit = 0, period = 0;
    if (std::fscanf(file, "%lld %lld", &limit, &period) == 2 && limit > 0 && period > 0) {
      cores = static_cast<int>(std::max(1LL, (limit + period / 2) / period));
    }
    std::fclose(file);
  }
  return cores;
}

int default_threads() {
  int cores = static_cast<int>(std::thread::hardware_concurrency());
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    cores = CPU_COUNT(&set);
  }
#endif
  if (const char* wish = std::getenv("OMP_NUM_THREADS"); wish != nullptr && std::atoi(wish) > 0) {
    cores = std::min(cores, std::atoi(wish));
  }
  return std::clamp(std::min(cores, quota()), 1, kMostThreads);
}

// A job is open while its owner is inside `run`. A helper first counts itself in and then looks whether the job is
// open; the owner first closes the job and then waits until nobody is counted in. So a job's fields are never read
// after `run` has returned. The owner takes tasks too: where all cores are busy with other processes and no helper
// wakes, it does everything itself and waits for nobody.
class Pool {
 public:
  explicit Pool(int threads) {
    for (int i = 1; i < threads; ++i) {
      std::thread([this] { help(); }).detach();
    }
  }

  void run(int count, void (*task)(void*, int), void* context) {
    task_ = task;
    context_ = context;
    count_ = count;
    next_.store(0);
    open_.store(true);
    number_.fetch_add(1);
    if (asleep_.load() > 0) {
      { std::lock_guard<std::mutex> lock(mutex_); }
      awaken_.notify_all();
    }
    take();
    open_.store(false);
    for (int spins = 0; inside_.load() != 0; ++spins) {
      spins < 2000 ? relax() : std::this_thread::yield();
    }
  }

 private:
  void take() {
    for (int i = next_.fetch_add(1); i < count_; i = next_.fetch_add(1)) {
      task_(context_, i);
    }
  }

  void help() {
    for (uint64_t seen = 0;;) {
      seen = await(seen);
      inside_.fetch_add(1);
      if (open_.load()) {
        take();
      }
      inside_.fetch_sub(1);
    }
  }

  // The number of a job that is not job `seen`.
  uint64_t await(uint64_t seen) {
    const auto until = std::chrono::steady_clock::now() + kAwake;
    do {
      for (int i = 0; i < 50; ++i) {
        if (const uint64_t number = number_.load(); number != seen) {
          return number;
        }
        relax();
      }
      std::this_thread::yield();
    } while (std::chrono::steady_clock::now() < until);
    std::unique_lock<std::mutex> lock(mutex_);
    asleep_.fetch_add(1);
    awaken_.wait(lock, [&] { return number_.load() != seen; });
    asleep_.fetch_sub(1);
    return number_.load();
  }

  void (*task_)(void*, int) = nullptr;
  void* context_ = nullptr;
  int count_ = 0;
  alignas(64) std::atomic<int> next_{0};
  alignas(64) std::atomic<int> inside_{0};
  alignas(64) std::atomic<uint64_t> number_{0};
  std::atomic<bool> open_{false};
  std::atomic<int> asleep_{0};
  std::mutex mutex_;
  std::condition_variable awaken_;
};

std::atomic<bool> busy{false};
std::atomic<int> wanted{0};
Pool* pool = nullptr;  // never deleted: helpers may sleep in it until the process ends
int pool_threads = 0;

// A forked child has none of the threads: it makes its own pool when it needs one.
void forget_pool() {
  pool = nullptr;
  busy.store(false);
}

}  // namespace

int num_threads() {
  const int count = wanted.load();
  return count > 0 ? count : default_threads();
}

void set_num_threads(int count) { wanted.store(count); }

void run_tasks(int count, void (*task)(void*, int), void* context) {
  // Another stream of this process may be at work; then this one goes on alone rather than wait.
  if (busy.exchange(true)) {
    for (int i = 0; i < count; ++i) {
      task(context, i);
    }
    return;
  }
  const int chosen = wanted.load();
  if (pool == nullptr || (chosen > 0 && chosen != pool_threads)) {
    static const int registered = pthread_atfork(nullptr, nullptr, forget_pool);
    (void)registered;
    pool_threads = num_threads();
    pool = new Pool(pool_threads);
  }
  if (pool_threads == 1) {
    for (int i = 0; i < count; ++i) {
      task(context, i);
    }
  } else {
    pool->run(count, task, context);
  }
  busy.store(false);
}

}  // namespace nightingale
