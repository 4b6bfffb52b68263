/* images.c: saving the world, as Lisp asks for it.

   A world can be saved when nothing runs in it.  The process that asks is busy, so it forks one that is not: the child forgets stack and bindings
   without unwinding (cleanup forms would delete its parent's files), runs SYS::%PREPARE-IMAGE with the hooks, collects, writes, and ends.  The
   parent waits for it and is as it was: SAVE-IMAGE goes on, and whatever fails is an ordinary Lisp error in the place of the call.

   The child says what went wrong through a pipe: the system's error number or 0, then a text. */
#include "image/purify.h"
#include "prim/prim.h"
#include "text/text.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TEXT_MOST = 4096 };

/* A unit's mapping does not outlive the process: its code goes to pure space in any case. */
const char *world_gather(Thread *t, bool impure) {
    if (!purify_units(t)) return "pure space has no room for the code of the loaded units";
    if (impure && !impurify(t)) return "the heap has no room for what lies in pure space";
    return NULL;
}

const char *world_save(Thread *t, const ImageRequest *request, int *system_error) {
    const char *problem = world_gather(t, request->impurify);
    if (problem) return problem;
    streams_detach(t);
    if (request->purify && !purify(t)) return "pure space has no room for what is to be purified";
    writing_begins();
    return image_save(t, request, system_error);
}

/* -- The child -- */

void writing_begins(void) { signal(SIGINT, SIG_IGN); }

NORETURN static void child_fail(int to, int system_error, const char *text) {
    char line[TEXT_MOST];
    int n = snprintf(line, sizeof line, "%d %s", system_error, text);
    if (n > 0 && write(to, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1) < 0) _exit(2);
    _exit(1);
}

NORETURN static void child_run(Thread *t, ForkedWork work, void *data, int to) {
    int error = 0;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGINT, SIG_DFL);
    thread_abandon(t);
    swap_detach(t);
    t->world->compiler = NULL; /* its memory goes with the process */
    Obj problem = lisp_call(t, intern_text(t, t->world->package_sys, "%PREPARE-IMAGE"), 0, NULL);
    streams_finish(t);
    if (!is_nil(problem)) child_fail(to, 0, is_string(problem) ? utf8_of_string(problem, NULL) : "a function of *SAVE-EXIT-FUNCTIONS* failed");
    const char *what = work(t, data, &error);
    if (what) child_fail(to, error, what);
    _exit(0);
}

/* -- The parent -- */

/* All that the child says, ended by zero, in `text`.  An interrupt of this process interrupts the child. */
static void read_text(const Thread *t, pid_t child, int from, char text[TEXT_MOST]) {
    size_t got = 0;
    while (got < TEXT_MOST - 1) {
        ssize_t n = read(from, text + got, TEXT_MOST - 1 - got);
        if (n < 0 && errno == EINTR && t->event & EVENT_INTERRUPT) kill(child, SIGINT);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        got += (size_t)n;
    }
    text[got] = 0;
}

/* NIL if the child ended well; otherwise the text and the error number. */
static Obj child_result(Thread *t, pid_t child, char text[TEXT_MOST]) {
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return NIL;
    char *rest = text;
    long error = strtol(text, &rest, 10);
    if (*rest == ' ') rest++;
    if (!*rest) rest = (char *)(uintptr_t) "the process that writes the image died";
    return values_2(t, string_of_utf8(t, rest, strlen(rest)), obj_of_fix(error));
}

Obj fork_work(Thread *t, ForkedWork work, void *data) {
    int ends[2];
    streams_finish(t);
    if (pipe(ends) != 0) return values_2(t, string_of_utf8(t, "no pipe", 7), obj_of_fix(errno));
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        child_run(t, work, data, ends[1]);
    }
    int error = errno;
    close(ends[1]);
    char text[TEXT_MOST] = "";
    if (child > 0) read_text(t, child, ends[0], text);
    close(ends[0]);
    if (child < 0) return values_2(t, string_of_utf8(t, "no process can be made", 22), obj_of_fix(error));
    return child_result(t, child, text);
}

static const char *work_save(Thread *t, void *request, int *system_error) { return world_save(t, request, system_error); }

/* Which runtime :WHOLE, :SLIM, or anything else, all, means. */
static RuntimeKind runtime_kind(Thread *t, Obj x) {
    Obj keyword = t->world->package_keyword;
    if (eq(x, intern_text(t, keyword, "SLIM"))) return RUNTIME_SLIM;
    return eq(x, intern_text(t, keyword, "WHOLE")) ? RUNTIME_WHOLE : RUNTIME_ALL;
}

BUILTIN(runtime_lacks, "%RUNTIME-LACKS", 1, 1, "runtime",
        "The names of the builtins to which objects of the heap refer, garbage included, and which that runtime of this executable, :WHOLE or :SLIM, has not: a list of strings.  Or what is wrong with it, a string.") {
    Runtime runtime;
    const char *why = runtime_open(&runtime, "", runtime_kind(t, args[0]));
    if (why) return alloc_text(t, why);
    bool *lacks = malloc(builtins_total() * sizeof *lacks);
    must(lacks);
    Obj list = NIL;
    runtime_lacks(&runtime, t, lacks);
    for (uint32_t i = builtins_total(); i-- > 0;)
        if (lacks[i]) list = alloc_cons(t, alloc_text(t, builtin_at(i)->name), list);
    free(lacks);
    runtime_close(&runtime);
    return list;
}

BUILTIN(save_world, "%SAVE-WORLD", 7, 7, "native-name runtime mode own-arguments-p impurify purify compression",
        "Write an image by a process forked for it.  RUNTIME: NIL, T for all of the running executable, :WHOLE or :SLIM for one of them, or a file's name.  COMPRESSION: a level, or 0.  NIL, or what went wrong, a string, and the system's error number.") {
    ImageRequest request = {.mode = (unsigned)fix_of_obj(args[2]), .flags = is_nil(args[3]) ? 0 : IMAGE_OWN_ARGUMENTS,
                            .impurify = !is_nil(args[4]), .purify = !is_nil(args[5]), .compression = (int)fix_of_obj(args[6])};
    char *file = utf8_of_string(args[0], NULL), *runtime = is_string(args[1]) ? utf8_of_string(args[1], NULL) : NULL;
    request.file = file;
    request.runtime = runtime ? runtime : is_nil(args[1]) ? NULL : "";
    request.kind = runtime ? RUNTIME_ALL : runtime_kind(t, args[1]);
    Obj result = fork_work(t, work_save, &request);
    free(file);
    free(runtime);
    return result;
}
