/* environment.c: CLHS chapter 25: time, the environment, other programs, the end.

   Times go to Lisp as integers of the system's units: nanoseconds, seconds since 1970.  Waiting leaves (%SLEEP, %WAIT-PROCESS) return early when a
   signal waits to be handled; their callers in Lisp go on when it has been. */
#include "number/number.h"
#include "prim/streams.h"
#include "run/vector.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static const int64_t universal_1970 = 2208988800; /* seconds from 1900 to 1970 */

/* -- Time -- */

BUILTIN(get_universal_time, "GET-UNIVERSAL-TIME", 0, 0, "", "Seconds since the beginning of 1900, GMT (CLHS GET-UNIVERSAL-TIME).") {
    return obj_of_fix((int64_t)time(NULL) + universal_1970);
}

BUILTIN(get_internal_real_time, "GET-INTERNAL-REAL-TIME", 0, 0, "", "Microseconds since some fixed instant (CLHS GET-INTERNAL-REAL-TIME).") {
    return obj_of_fix((int64_t)(clock_nanoseconds() / 1000));
}

BUILTIN(get_internal_run_time, "GET-INTERNAL-RUN-TIME", 0, 0, "", "Microseconds of processor time that the process has used (CLHS GET-INTERNAL-RUN-TIME).") {
    return obj_of_fix((int64_t)(clock_run_nanoseconds() / 1000));
}

BUILTIN(unix_time, "%UNIX-TIME", 0, 0, "", "Seconds since 1970 and nanoseconds.") {
    struct timespec now;
    must(clock_gettime(CLOCK_REALTIME, &now) == 0);
    return values_2(t, obj_of_fix(now.tv_sec), obj_of_fix(now.tv_nsec));
}

BUILTIN(local_time_offset, "%LOCAL-TIME-OFFSET", 1, 1, "unix-time", "Seconds by which local time is ahead of GMT at that time, and whether daylight saving time is in effect.") {
    int64_t seconds;
    if (!i64_of_integer(args[0], &seconds)) signal_type_error(t, args[0], SYM(INTEGER));
    time_t at = (time_t)seconds;
    struct tm tm;
    if (!localtime_r(&at, &tm)) return values_2(t, obj_of_fix(0), NIL);
    return values_2(t, obj_of_fix(tm.tm_gmtoff), obj_of_bool(tm.tm_isdst > 0));
}

BUILTIN(sleep, "%SLEEP", 1, 1, "nanoseconds", "Wait; the nanoseconds that are left if a signal came, else 0.") {
    int64_t wait = fix_of_obj(args[0]);
    uint64_t until = clock_nanoseconds() + (uint64_t)wait;
    struct timespec ts = {.tv_sec = wait / 1000000000, .tv_nsec = wait % 1000000000};
    sigset_t interrupt, old;
    streams_finish(t);
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    sigprocmask(SIG_BLOCK, &interrupt, &old);
    if (!(t->event & EVENT_INTERRUPT)) ppoll(NULL, 0, &ts, &old);
    sigprocmask(SIG_SETMASK, &old, NULL);
    uint64_t now = clock_nanoseconds();
    return obj_of_fix(now < until ? (int64_t)(until - now) : 0);
}

/* -- The environment -- */

static char *text_arg(Thread *t, Obj x) {
    if (!is_string(x)) signal_type_error(t, x, SYM(STRING));
    return utf8_of_string(x, NULL);
}

BUILTIN(getenv, "EXT:GETENV", 1, 1, "name", "Value of a variable of the process's environment, a string, or NIL.  (SETF GETENV) sets it; NIL removes it.") {
    char *name = text_arg(t, args[0]);
    const char *value = getenv(name);
    free(name);
    return value ? string_of_utf8(t, value, strlen(value)) : NIL;
}

BUILTIN(setenv, "%SETENV", 2, 2, "name value", "Set a variable of the environment; NIL removes it.") {
    char *name = text_arg(t, args[0]), *value = is_nil(args[1]) ? NULL : text_arg(t, args[1]);
    if (value) setenv(name, value, 1);
    else unsetenv(name);
    free(name);
    free(value);
    return args[1];
}

BUILTIN(command_line, "%COMMAND-LINE", 0, 0, "", "All words of the command line, the program's name first.") {
    Obj list = NIL;
    for (int i = t->world->argc; i-- > 0;) list = alloc_cons(t, string_of_utf8(t, t->world->argv[i], strlen(t->world->argv[i])), list);
    return list;
}

BUILTIN(system_names, "%SYSTEM-NAMES", 0, 0, "", "List of what the kernel says: system name, host name, release, version, machine.") {
    struct utsname u;
    must(uname(&u) == 0);
    const char *names[5] = {u.sysname, u.nodename, u.release, u.version, u.machine};
    Obj list = NIL;
    for (int i = 5; i-- > 0;) list = alloc_cons(t, string_of_utf8(t, names[i], strlen(names[i])), list);
    return list;
}

BUILTIN(process_id, "%PROCESS-ID", 0, 0, "", "The process's number.") { return obj_of_fix(getpid()); }

BUILTIN(exit_now, "%EXIT", 1, 1, "code", "Write out standard output and end the process, without unwinding.") {
    exit(streams_exit_code(t, args[0]));
}

BUILTIN(last_words, "%LAST-WORDS", 1, 1, "text", "End the process with code 1 and a line on the error output, with nothing but C: for errors of what reports errors.") {
    streams_finish(t);
    fputs("windfall: ", stderr);
    for (uint64_t i = 0; is_simple_string(args[0]) && i < obj_length(args[0]); i++) fputc((int)(simple_string_char(args[0], i) & 0x7F), stderr);
    fputc('\n', stderr);
    exit(1);
}

/* -- Other programs -- */

BUILTIN(pipe, "%PIPE", 0, 0, "", "Descriptors of a new pipe: the one to read, the one to write; or NIL and the error.") {
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0) return values_2(t, NIL, obj_of_fix(errno));
    return values_2(t, obj_of_fix(fds[0]), obj_of_fix(fds[1]));
}

static int give_descriptor(posix_spawn_file_actions_t *actions, Obj fd, int as) {
    return is_nil(fd) ? 0 : posix_spawn_file_actions_adddup2(actions, (int)fix_of_obj(fd), as);
}

/* A NULL-ended vector of C strings of a list of strings; NULL for NIL. */
static char **text_vector(Thread *t, Obj list) {
    size_t count = 0, i = 0;
    for (Obj l = list; is_cons(l); l = cdr(l)) {
        if (!is_string(car(l)) && !is_swapped_string(car(l))) signal_type_error(t, car(l), SYM(STRING));
        count++;
    }
    char **v = calloc(count + 1, sizeof *v);
    must(v);
    for (Obj l = list; is_cons(l); l = cdr(l)) {
        size_t pins = swap_pins(t);
        v[i++] = utf8_of_string(array_behind(t, car(l)), NULL);
        swap_unpin(t, pins);
    }
    return v;
}

static void free_text_vector(char **v) {
    for (size_t i = 0; v && v[i]; i++) free(v[i]);
    free(v);
}

BUILTIN(spawn, "%SPAWN", 6, 6, "arguments input output error directory environment",
        "Start a program, found by the first of its arguments along PATH: process number, or NIL and the error.  Descriptors may be NIL (inherited); so may the rest.") {
    char *directory = is_nil(args[4]) ? NULL : text_arg(t, args[4]);
    char **argv = text_vector(t, args[0]), **env = is_nil(args[5]) ? NULL : text_vector(t, args[5]);
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t defaults;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    sigaddset(&defaults, SIGXFSZ);
    sigaddset(&defaults, SIGINT);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    int error = 0;
    pid_t pid;
    for (int i = 0; i < 3 && !error; i++) error = give_descriptor(&actions, args[1 + i], i);
    if (!error && directory) error = posix_spawn_file_actions_addchdir_np(&actions, directory);
    streams_finish(t);
    if (!error) error = argv[0] ? posix_spawnp(&pid, argv[0], &actions, &attributes, argv, env ? env : environ) : EINVAL;
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    free_text_vector(argv);
    free_text_vector(env);
    free(directory);
    return error ? values_2(t, NIL, obj_of_fix(error)) : obj_of_fix(pid);
}

BUILTIN(wait_process, "%WAIT-PROCESS", 2, 2, "process wait-p",
        "Exit code of a program started by %SPAWN (minus the signal's number if one ended it); NIL while it runs or when a signal came first.") {
    int status;
    pid_t got = waitpid((pid_t)fix_of_obj(args[0]), &status, is_nil(args[1]) ? WNOHANG : 0);
    if (got <= 0) return got < 0 && errno == ECHILD ? obj_of_fix(-1) : NIL;
    return obj_of_fix(WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
}
