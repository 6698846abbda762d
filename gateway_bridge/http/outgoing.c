/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway_bridge/http/outgoing.h"

#include <stdlib.h>
#include <string.h>

void outgoing_init(struct outgoing *o, void (*gone)(struct outgoing *o, bool good))
{
    *o = (struct outgoing){.gone = gone};
    o->write.data = o;
}

/* o->held stays for gone(). */
static void outgoing_clear(struct outgoing *o)
{
    free(o->waiting);
    o->waiting = NULL;
    o->busy = false;
}

static void on_written(uv_write_t *write, int status)
{
    struct outgoing *o = write->data;
    outgoing_clear(o);
    o->gone(o, status == 0);
}

/* Has libuv send what is left: `data`, of which a copy is kept, and `tail`. */
static bool outgoing_wait(struct outgoing *o, uv_stream_t *stream, const char *data, size_t len,
                          struct slice tail)
{
    uv_buf_t buffers[2];
    unsigned count = 0;
    if (len > 0) {
        o->waiting = malloc(len);
        if (o->waiting == NULL)
            return false;
        memcpy(o->waiting, data, len);
        o->held = len;
        buffers[count++] = uv_buf_init(o->waiting, (unsigned)len);
    }
    if (tail.len > 0)
        buffers[count++] = uv_buf_init((char *)tail.data, tail.len);
    o->busy = true;
    if (uv_write(&o->write, stream, buffers, count, on_written) == 0)
        return true;
    outgoing_clear(o);
    return false;
}

bool outgoing_send(struct outgoing *o, uv_stream_t *stream, const char *data, size_t len,
                   struct slice tail)
{
    uv_buf_t buffers[] = {uv_buf_init((char *)data, (unsigned)len),
                          uv_buf_init((char *)tail.data, tail.len)};
    check(!o->busy && len > 0);
    o->held = 0;
    int sent = uv_try_write(stream, buffers, tail.len > 0 ? 2 : 1);
    if (sent < 0 && sent != UV_EAGAIN)
        return false;
    size_t done = sent < 0 ? 0 : (size_t)sent;
    if (done == len + tail.len)
        return true;
    size_t of_data = done < len ? done : len;
    uint32_t of_tail = (uint32_t)(done - of_data);
    if (tail.len > 0)
        tail = (struct slice){tail.data + of_tail, tail.len - of_tail};
    return outgoing_wait(o, stream, data + of_data, len - of_data, tail);
}
