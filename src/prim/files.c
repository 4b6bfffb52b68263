/* files.c: CLHS chapter 20: what the system knows about files, by native name (a string as the kernel has it).

   The leaves do one system call each and return NIL or T with the system's error number as second value; lisp/pathnames.lisp turns
   those into FILE-ERRORs and builds DIRECTORY, TRUENAME and the rest on them. */
#include "prim/streams.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KIND_FILE, KIND_DIRECTORY, KIND_LINK_TO_DIRECTORY, KIND_OTHER };

/* What a leaf of this file returns for the result of a system call. */
static Obj outcome(Thread *t, int result, int error) {
    if (result == 0) return T_;
    return values_2(t, NIL, obj_of_fix(error));
}

static char *native(Thread *t, Obj name) {
    if (!is_string(name)) signal_type_error(t, name, SYM(STRING));
    return utf8_of_string(name, NULL);
}

BUILTIN(error_text, "%ERROR-TEXT", 1, 1, "number", "The system's words for an error number.") {
    const char *text = strerror((int)fix_of_obj(args[0]));
    return string_of_utf8(t, text, strlen(text));
}

BUILTIN(file_status, "%FILE-STATUS", 1, 1, "native-name",
        "Kind (0 file, 1 directory, 3 other), size in bytes, time of last change (seconds since 1970), permissions, and the nanoseconds of that time, of a file, links followed; NIL and the error if there is none.") {
    char *name = native(t, args[0]);
    struct stat st;
    int bad = stat(name, &st), error = errno;
    free(name);
    if (bad) return values_2(t, NIL, obj_of_fix(error));
    int kind = S_ISREG(st.st_mode) ? KIND_FILE : S_ISDIR(st.st_mode) ? KIND_DIRECTORY : KIND_OTHER;
    t->value_count = 5;
    t->values[1] = obj_of_fix(st.st_size);
    t->values[2] = obj_of_fix(st.st_mtime);
    t->values[3] = obj_of_fix(st.st_mode & 07777);
    t->values[4] = obj_of_fix(st.st_mtim.tv_nsec);
    return obj_of_fix(kind);
}

BUILTIN(link_exists, "%LINK-EXISTS-P", 1, 1, "native-name", "True if there is a symbolic link of that name, even if it points nowhere.") {
    char *name = native(t, args[0]);
    struct stat st;
    int bad = lstat(name, &st);
    free(name);
    return obj_of_bool(!bad && S_ISLNK(st.st_mode));
}

BUILTIN(file_owner, "%FILE-OWNER", 1, 1, "native-name", "Name of the user who owns the file, or NIL and the error.") {
    char *name = native(t, args[0]);
    struct stat st;
    int bad = stat(name, &st), error = errno;
    free(name);
    if (bad) return values_2(t, NIL, obj_of_fix(error));
    const struct passwd *user = getpwuid(st.st_uid);
    char number[24];
    snprintf(number, sizeof number, "%u", (unsigned)st.st_uid);
    const char *text = user ? user->pw_name : number;
    return string_of_utf8(t, text, strlen(text));
}

BUILTIN(real_path, "%REAL-PATH", 1, 1, "native-name", "The absolute name without symbolic links, or NIL and the error.") {
    char *name = native(t, args[0]), path[PATH_MAX];
    const char *real = realpath(name, path);
    int error = errno;
    free(name);
    if (!real) return values_2(t, NIL, obj_of_fix(error));
    return string_of_utf8(t, path, strlen(path));
}

BUILTIN(delete_file, "%DELETE-FILE", 1, 1, "native-name", "Delete a file.") {
    char *name = native(t, args[0]);
    int bad = unlink(name), error = errno;
    free(name);
    return outcome(t, bad, error);
}

BUILTIN(delete_directory, "%DELETE-DIRECTORY", 1, 1, "native-name", "Delete an empty directory.") {
    char *name = native(t, args[0]);
    int bad = rmdir(name), error = errno;
    free(name);
    return outcome(t, bad, error);
}

BUILTIN(make_directory, "%MAKE-DIRECTORY", 1, 2, "native-name &optional permissions", "Make a directory.") {
    char *name = native(t, args[0]);
    int bad = mkdir(name, (mode_t)fix_of_obj(ARG(1, obj_of_fix(0777)))), error = errno;
    free(name);
    return outcome(t, bad, error);
}

BUILTIN(rename_file, "%RENAME-FILE", 2, 2, "from to", "Give a file another native name.") {
    char *from = native(t, args[0]), *to = native(t, args[1]);
    int bad = rename(from, to), error = errno;
    free(from);
    free(to);
    return outcome(t, bad, error);
}

BUILTIN(current_directory, "%CURRENT-DIRECTORY", 0, 0, "", "Native name of the working directory.") {
    char path[PATH_MAX];
    if (!getcwd(path, sizeof path)) return values_2(t, NIL, obj_of_fix(errno));
    return string_of_utf8(t, path, strlen(path));
}

BUILTIN(change_directory, "%CHANGE-DIRECTORY", 1, 1, "native-name", "Make a directory the working directory.") {
    char *name = native(t, args[0]);
    int bad = chdir(name), error = errno;
    free(name);
    return outcome(t, bad, error);
}

BUILTIN(home_directory, "%HOME-DIRECTORY", 0, 1, "&optional user", "Native name of a user's home directory, or NIL.") {
    const char *home = n == 0 ? getenv("HOME") : NULL;
    if (!home || !*home) {
        char *name = n == 1 ? native(t, args[0]) : NULL;
        const struct passwd *user = name ? getpwnam(name) : getpwuid(getuid());
        free(name);
        if (!user) return NIL;
        home = user->pw_dir;
    }
    return string_of_utf8(t, home, strlen(home));
}

static int entry_kind(DIR *d, const struct dirent *e) {
    struct stat st;
    if (e->d_type == DT_REG) return KIND_FILE;
    if (e->d_type == DT_DIR) return KIND_DIRECTORY;
    if (fstatat(dirfd(d), e->d_name, &st, 0) != 0) return KIND_OTHER;
    if (!S_ISDIR(st.st_mode)) return KIND_FILE;
    return e->d_type == DT_LNK ? KIND_LINK_TO_DIRECTORY : KIND_DIRECTORY;
}

BUILTIN(list_directory, "%LIST-DIRECTORY", 1, 1, "native-name",
        "List of (name . kind) for the entries of a directory but . and ..: kind 0 file, 1 directory, 2 link to a directory, 3 other; NIL and the error if it cannot be read.") {
    char *name = native(t, args[0]);
    DIR *d = opendir(name);
    int error = errno;
    free(name);
    if (!d) return values_2(t, NIL, obj_of_fix(error));
    Obj list = NIL;
    for (const struct dirent *e; (e = readdir(d));) {
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) continue;
        Obj entry = string_of_utf8(t, e->d_name, strlen(e->d_name));
        list = alloc_cons(t, alloc_cons(t, entry, obj_of_fix(entry_kind(d, e))), list);
    }
    closedir(d);
    return list;
}
