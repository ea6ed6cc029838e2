// Worker threads that poll for a while before they sleep, because waking takes longer than a typical job.
#include "threads.h"

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

constexpr int kMaxThreads = 16;  // the products are limited by memory bandwidth, which more threads do not raise
// How long a worker polls for the next job before it sleeps. It is longer than the pauses within a model's pass and
// between two tokens, because on a virtual machine a wake-up takes 50 to 200 microseconds. A polling worker yields its
// core, so other processes lose little; while the program waits for text the workers sleep.
constexpr auto kPollingTime = std::chrono::microseconds(1000);

void pause_core() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// The cores that a container's quota is worth; such a limit does not show in the affinity mask.
int cgroup_cores() {
  int cores = kMaxThreads;
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
  if (const char* limit = std::getenv("OMP_NUM_THREADS"); limit != nullptr && std::atoi(limit) > 0) {
    cores = std::min(cores, std::atoi(limit));
  }
  return std::clamp(std::min(cores, cgroup_cores()), 1, kMaxThreads);
}

// A job is open while its owner is inside `run`. A worker first counts itself as active and then checks whether the job
// is open; the owner first closes the job and then waits until no worker is active. So no worker reads a job's fields
// after `run` has returned. The owner takes tasks too: where other processes occupy all cores and no worker wakes, it
// does all tasks itself and waits for nothing.
class Pool {
 public:
  explicit Pool(int threads) {
    for (int i = 1; i < threads; ++i) {
      std::thread([this] { work(); }).detach();
    }
  }

  void run(int count, void (*task)(void*, int), void* context) {
    task_ = task;
    context_ = context;
    count_ = count;
    next_.store(0);
    open_.store(true);
    job_.fetch_add(1);
    if (sleeping_.load() > 0) {
      { std::lock_guard<std::mutex> lock(mutex_); }
      wake_.notify_all();
    }
    take_tasks();
    open_.store(false);
    for (int spins = 0; active_.load() != 0; ++spins) {
      spins < 2000 ? pause_core() : std::this_thread::yield();
    }
  }

 private:
  void take_tasks() {
    for (int i = next_.fetch_add(1); i < count_; i = next_.fetch_add(1)) {
      task_(context_, i);
    }
  }

  void work() {
    for (uint64_t last = 0;;) {
      last = wait_for_job(last);
      active_.fetch_add(1);
      if (open_.load()) {
        take_tasks();
      }
      active_.fetch_sub(1);
    }
  }

  // Waits for a job other than number `last` and returns its number.
  uint64_t wait_for_job(uint64_t last) {
    const auto until = std::chrono::steady_clock::now() + kPollingTime;
    do {
      for (int i = 0; i < 50; ++i) {
        if (const uint64_t job = job_.load(); job != last) {
          return job;
        }
        pause_core();
      }
      std::this_thread::yield();
    } while (std::chrono::steady_clock::now() < until);
    std::unique_lock<std::mutex> lock(mutex_);
    sleeping_.fetch_add(1);
    wake_.wait(lock, [&] { return job_.load() != last; });
    sleeping_.fetch_sub(1);
    return job_.load();
  }

  void (*task_)(void*, int) = nullptr;
  void* context_ = nullptr;
  int count_ = 0;
  alignas(64) std::atomic<int> next_{0};  // each on a cache line of its own
  alignas(64) std::atomic<int> active_{0};
  alignas(64) std::atomic<uint64_t> job_{0};
  std::atomic<bool> open_{false};
  std::atomic<int> sleeping_{0};
  std::mutex mutex_;
  std::condition_variable wake_;
};

std::atomic<bool> busy{false};
std::atomic<int> requested_threads{0};
Pool* pool = nullptr;  // never deleted: its threads may sleep in it until the process ends
int pool_threads = 0;

// A forked child has none of the pool's threads. It makes a new pool when it needs one.
void drop_pool_after_fork() {
  pool = nullptr;
  busy.store(false);
}

void make_pool() {
  static const int registered = pthread_atfork(nullptr, nullptr, drop_pool_after_fork);
  (void)registered;
  pool_threads = num_threads();
  pool = new Pool(pool_threads);
}

}  // namespace

int num_threads() {
  const int count = requested_threads.load();
  return count > 0 ? count : default_threads();
}

void set_num_threads(int count) { requested_threads.store(count); }

void run_tasks(int count, void (*task)(void*, int), void* context) {
  const auto run_alone = [&] {
    for (int i = 0; i < count; ++i) {
      task(context, i);
    }
  };
  // Another stream of this process may use the pool. Then this one works alone rather than wait.
  if (busy.exchange(true)) {
    return run_alone();
  }
  const int requested = requested_threads.load();
  if (pool == nullptr || (requested > 0 && requested != pool_threads)) {
    make_pool();
  }
  if (pool_threads == 1) {
    run_alone();
  } else {
    pool->run(count, task, context);
  }
  busy.store(false);
}

}  // namespace nightingale
