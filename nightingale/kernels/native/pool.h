// A small persistent pool of threads for work of a few microseconds.
#pragma once

namespace nightingale {

// Runs task(0) .. task(count - 1), each once, on the calling thread and on whichever helpers are awake. Which thread
// takes which task is left to chance, so a task must write nothing that another one reads.
void run_tasks(int count, void (*task)(void* context, int index), void* context);

template <class Task>
void parallel(int count, Task&& task) {
  if (count == 1) {
    task(0);
  } else {
    run_tasks(count, [](void* context, int index) { (*static_cast<Task*>(context))(index); }, &task);
  }
}

// Threads that take part, the calling one included: the cores this process may use, unless told otherwise.
int num_threads();
void set_num_threads(int count);

}  // namespace nightingale
