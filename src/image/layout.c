/* layout.c: what an executable consists of, part by part, so that the sum is the file's size; and which build it is. */
#include "image/format.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static void part(ImageLayout *l, const char *name, uint64_t bytes) {
    must(l->count < IMAGE_PARTS);
    l->parts[l->count].name = name;
    l->parts[l->count++].bytes = bytes;
    l->bytes += bytes;
}

void image_layout(ImageLayout *l, const Runtime *runtime, const ImageHeader *h) {
    static const char *const names[SECTION_COUNT] = {"static page", "dynamic area", "pure area", "list of hash tables", "finalizers", "names of builtins", "list of handles", "shadow space"};
    uint64_t padding = (uint64_t)-runtime->bytes % IMAGE_PAGE + IMAGE_PAGE - sizeof *h;
    *l = (ImageLayout){.build = h->checksum};
    part(l, "runtime", runtime->bytes);
    part(l, "image header", sizeof *h);
    for (int i = 0; i < SECTION_COUNT; i++) {
        part(l, names[i], h->sections[i].stored);
        padding += (uint64_t)-h->sections[i].stored % IMAGE_PAGE;
    }
    part(l, "padding between pages", padding);
    part(l, "image trailer", sizeof(ImageTrailer));
}

/* The header of the image at the end of an open file; false: there is none. */
static bool read_header(int fd, ImageHeader *h) {
    struct stat st;
    ImageTrailer trailer;
    off_t end;
    if (fstat(fd, &st) != 0 || st.st_size < (off_t)sizeof trailer) return false;
    end = st.st_size;
    if (pread(fd, &trailer, sizeof trailer, end - (off_t)sizeof trailer) != sizeof trailer || memcmp(trailer.magic, TRAILER_MAGIC, 16) != 0) return false;
    if (trailer.back > (uint64_t)end || pread(fd, h, sizeof *h, end - (off_t)trailer.back) != sizeof *h) return false;
    return !memcmp(h->magic, IMAGE_MAGIC, 16);
}

bool image_build(const char *file, uint64_t *build, const char **why) {
    ImageHeader header;
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    bool found = fd >= 0 && read_header(fd, &header);
    *why = found ? NULL : fd < 0 ? "it cannot be read" : "there is no image in it";
    if (found) *build = header.checksum;
    if (fd >= 0) close(fd);
    return found;
}
