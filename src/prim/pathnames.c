/* pathnames.c: CLHS chapter 19: pathname objects.  What they mean is lisp/pathnames.lisp's affair. */
#include "run/dispatch.h"
#include "run/run.h"

enum { PATHNAME_FIELDS = 6 };

BUILTIN(make_pathname_object, "%MAKE-PATHNAME", 6, 6, "host device directory name type version", "A pathname of these components, unchecked.") {
    Obj p = alloc_flagged(t, TYPE_PATHNAME, is_nil(args[0]) ? 0 : PATHNAME_LOGICAL, PATHNAME_FIELDS, NIL);
    for (uint32_t i = 0; i < PATHNAME_FIELDS; i++) init_field(p, i, args[i]);
    return p;
}

BUILTIN(pathname_ref, "%PATHNAME-REF", 2, 2, "pathname index", "Component 0 host, 1 device, 2 directory, 3 name, 4 type, 5 version of a pathname.") {
    if (!has_type(args[0], TYPE_PATHNAME)) signal_type_error(t, args[0], SYM(PATHNAME));
    if (!is_fix(args[1]) || (uint64_t)fix_of_obj(args[1]) >= PATHNAME_FIELDS) signal_index_error(t, args[1], PATHNAME_FIELDS);
    return obj_slots(args[0])[fix_of_obj(args[1])];
}
