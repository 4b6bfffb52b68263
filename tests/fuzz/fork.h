/* fork.h: what fuzzers share that try each input in a process of its own.

   The child says with its exit code what it has come to; what it prints to standard error is shown only if it comes to a bad end: a signal, a failed
   assertion, a sanitizer's report. */
#ifndef FORK_H
#define FORK_H

#include "base/base.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "detect_leaks=0:abort_on_error=1"; }
const char *__ubsan_default_options(void);
const char *__ubsan_default_options(void) { return "abort_on_error=1"; }

/* Exit codes of a child.  LISP_ERROR: an error with no library to handle it (prim/early.c); ENDLESS: it ran for longer than it may. */
enum { REFUSED = 10, LOADED = 11, DIFFERENT = 12, LISP_ERROR = 1, ENDLESS = 1000, BAD = 1001 };

static uint64_t seed;

static inline uint64_t random_next(void) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    return seed ^= seed << 17;
}
static inline uint64_t below(uint64_t n) { return random_next() % n; }

static inline void print_log(FILE *log) {
    char line[300];
    rewind(log);
    while (fgets(line, sizeof line, log)) fputs(line, stdout);
}

/* What body(choice) comes to in a child that may take `milliseconds`. */
static inline int in_child(void (*body)(uint64_t choice), uint64_t choice, int milliseconds) {
    FILE *log = tmpfile();
    must(log);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        struct itimerval soon = {{0, 0}, {milliseconds / 1000, milliseconds % 1000 * 1000}};
        struct rlimit no_core = {0, 0};
        dup2(fileno(log), 2);
        setrlimit(RLIMIT_CORE, &no_core);
        setitimer(ITIMER_REAL, &soon, NULL);
        body(choice);
        _exit(LOADED);
    }
    int status = 0;
    must(pid > 0 && waitpid(pid, &status, 0) == pid);
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status) == SIGALRM ? ENDLESS : BAD;
    if (code != REFUSED && code != LOADED && code != DIFFERENT && code != LISP_ERROR && code != ENDLESS) code = BAD;
    if (code == BAD) {
        printf("status %#x\n", (unsigned)status);
        print_log(log);
    }
    fclose(log);
    return code;
}

#endif
