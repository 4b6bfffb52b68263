/* units.c: leaves of COMPILE-FILE, LOAD and UNITS (CLHS 24.1): the writer and the loader of room image. */
#include "compile/compile.h"
#include "image/unit.h"
#include "run/run.h"
#include "text/text.h"

#include <stdlib.h>

/* -- Writing -- */

BUILTIN(compile_form_for_file, "%COMPILE-FORM-FOR-FILE", 2, 2, "form environment",
        "As %COMPILE-FORM; LOAD-TIME-VALUE forms become cells that hold a function, to be filled at load time.") {
    return compile_form_for_file(t, args[0], args[1]);
}

BUILTIN(compile_lambda_for_file, "%COMPILE-LAMBDA-FOR-FILE", 2, 2, "lambda-expression environment", "As %COMPILE-LAMBDA; see %COMPILE-FORM-FOR-FILE.") {
    return compile_lambda_for_file(t, args[0], args[1]);
}

BUILTIN(unit_writer, "%UNIT-WRITER", 0, 0, "", "A new writer of a unit.") { return unit_writer_make(t); }

BUILTIN(unit_write_call, "%UNIT-WRITE-CALL", 3, 3, "writer function arguments",
        "Writes a call; NIL.  Or why not, :MAKE, :NEVER or :DEEP, and because of which object.") {
    static const char *const problems[] = {NULL, "MAKE", "NEVER", "DEEP"};
    Obj object;
    UnitProblem problem = unit_write_call(t, args[0], args[1], args[2], &object);
    if (problem == UNIT_FINE) return NIL;
    return values_2(t, intern_text(t, t->world->package_keyword, problems[problem]), object);
}

BUILTIN(unit_write_value, "%UNIT-WRITE-VALUE", 2, 2, "writer object", "The value of the call written last is the object (or, if that is a cell, its contents) in the loaded unit.") {
    unit_write_value(t, args[0], args[1]);
    return NIL;
}

BUILTIN(unit_write_file, "%UNIT-WRITE-FILE", 3, 3, "writer native-name debug-p", "Writes the unit; NIL or the error number.") {
    char *path = utf8_of_string(args[1], NULL);
    int error = unit_write_file(t, args[0], path, !is_nil(args[2]));
    free(path);
    return error ? obj_of_fix(error) : NIL;
}

BUILTIN(cell_function, "%CELL-VALUE", 1, 1, "object", "What the cell holds; NIL and NIL if the object is no cell.") {
    return has_type(args[0], TYPE_CELL) ? values_2(t, obj_slots(args[0])[CELL_VALUE], T_) : values_2(t, NIL, NIL);
}

BUILTIN(layout_p, "%LAYOUT-P", 1, 1, "object", "Whether the object is a layout.") { return obj_of_bool(has_type(args[0], TYPE_LAYOUT)); }

/* -- Loading -- */

BUILTIN(unit_open, "%UNIT-OPEN", 2, 2, "native-name owner",
        "A loader of the unit; NIL if the file is no unit; NIL and the error number if it cannot be opened; NIL and a string if it is damaged.") {
    char *path = utf8_of_string(args[0], NULL);
    Obj loader;
    int error = 0;
    const char *wrong = unit_open(t, path, args[1], &loader, &error);
    free(path);
    if (wrong) return values_2(t, NIL, alloc_text(t, wrong));
    if (error) return values_2(t, NIL, obj_of_fix(error));
    return loader;
}

BUILTIN(unit_next, "%UNIT-NEXT", 2, 2, "loader value", "The function (or its name) to be called next, and the list of its arguments; NIL at the end.  VALUE is that of the last call.") {
    Obj function, arguments;
    if (!unit_next(t, args[0], args[1], &function, &arguments)) return NIL;
    return values_2(t, function, arguments);
}

/* -- Loaded units -- */

BUILTIN(loaded_units, "%LOADED-UNITS", 0, 0, "", "List of (owner . bytes of code) of all units that are loaded.") {
    Obj list = NIL, owner;
    size_t bytes;
    for (size_t i = 0; unit_loaded(t, i, &owner, &bytes); i++) list = alloc_cons(t, alloc_cons(t, owner, obj_of_fix((int64_t)bytes)), list);
    return list;
}

BUILTIN(unit_owns, "%UNIT-OWNS-P", 2, 2, "owner function", "Whether the function's code lies in the owner's unit.") { return obj_of_bool(unit_owns(t, args[0], args[1])); }

BUILTIN(unit_functions, "%UNIT-FUNCTION-COUNT", 1, 1, "owner", "How many functions over the owner's unit the last collection found alive.") {
    return obj_of_fix((int64_t)unit_count_functions(t, args[0]));
}
BUILTIN(foreign_total, "%FOREIGN-BYTES", 0, 0, "", "Bytes outside the heap that objects in it own, as the collector reckons them.") {
    return obj_of_fix((int64_t)foreign_bytes(t->heap));
}
