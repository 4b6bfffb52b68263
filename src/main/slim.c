/* slim.c: main of the slim runtime: a delivered program and nothing else.

   The image stands behind the runtime in the executable; the whole command line is the application's. */
#include "main/boot.h"

int main(int argc, char **argv) {
    const char *why = NULL, *name = argc > 0 ? argv[0] : "windfall";
    ImageFile *image = image_open(NULL, &why);
    if (!image) image_refused(name, why ? why : "this executable holds no image");
    Thread *t = boot_image(image, name, 0, argc, argv);
    if (!is_nil(t->world->entry)) return world_run_entry(t, argv + (argc > 0));
    Obj call[] = {NIL, NIL, argument_list(t, argv + (argc > 0)), NIL, NIL};
    return world_run(t, "%TOPLEVEL", COUNT_OF(call), call);
}
