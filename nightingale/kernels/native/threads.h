// A small persistent pool of threads for work of a few microseconds.
#pragma once

namespace nightingale {

// Calls task(0) .. task(count - 1), each once, on the calling thread and on the pool's threads that are awake. Which
// thread takes which task varies, so a task must not write data that another one reads.
void run_tasks(int count, void (*task)(void* context, int index), void* context);

template <class Task>
void parallel(int count, Task&& task) {
  if (count == 1) {
    task(0);
  } else {
    run_tasks(count, [](void* context, int index) { (*static_cast<Task*>(context))(index); }, &task);
  }
}

// The number of threads, the calling one included. The default, or 0, is the number of cores that this process may use,
// at most OMP_NUM_THREADS and 16.
int num_threads();
void set_num_threads(int count);

}  // namespace nightingale
