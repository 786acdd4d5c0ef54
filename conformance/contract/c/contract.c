// The contract (../README.md) in C, on libfcgi's FCGX interface; responder, authorizer and filter.
// Not offered: wait, for libfcgi tells nobody of FCGI_ABORT_REQUEST nor, before a write fails, of a closed connection.

#include <fastcgi.h>
#include <fcgiapp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { block_size = 65536 };
static char block[block_size];
static bool exit_asked;

// Reads a stream to its end, copies it to `copy` unless that is null, and says how many bytes there were.
static unsigned long read_all(FCGX_Stream *in, FCGX_Stream *copy) {
    unsigned long length = 0;
    for (int size; (size = FCGX_GetStr(block, block_size, in)) > 0; length += size)
        if (copy) FCGX_PutStr(block, size, copy);
    return length;
}

// Writes `size` bytes, `cycle` over and over. The block holds whole cycles: their lengths are powers of two.
static void write_cycle(FCGX_Stream *out, const char *cycle, unsigned long size) {
    for (size_t i = 0, n = strlen(cycle); i < block_size; i++) block[i] = cycle[i % n];
    for (; size > block_size; size -= block_size) FCGX_PutStr(block, block_size, out);
    FCGX_PutStr(block, (int)size, out);
}

// A pair is a string NAME=VALUE here, as in environ(7).
static int by_name(const void *a, const void *b) {
    const char *x = *(const char *const *)a, *y = *(const char *const *)b;
    for (; *x == *y && *x != '=' && *x; x++, y++) {
    }
    return (*x == '=' ? 0 : (unsigned char)*x) - (*y == '=' ? 0 : (unsigned char)*y);
}

static void write_params(FCGX_Request *request, const char *prefix) {
    size_t count = 0;
    while (request->envp[count]) count++;
    qsort(request->envp, count, sizeof *request->envp, by_name);
    for (char **pair = request->envp; *pair; pair++) {
        if (strncmp(*pair, prefix, strlen(prefix)) != 0) continue;
        for (const unsigned char *c = (const unsigned char *)*pair; *c; c++)
            FCGX_FPrintF(request->out, *c < 0x21 || *c > 0x7e || *c == '%' ? "%%%02X" : "%c", *c);
        FCGX_PutS("\n", request->out);
    }
}

typedef void Answer(FCGX_Request *, const char *argument);
static Answer hello;

static void echo(FCGX_Request *r, const char *a) {
    (void)a, read_all(r->in, r->out);
}
static void length(FCGX_Request *r, const char *a) {
    (void)a, FCGX_FPrintF(r->out, "%lu\n", read_all(r->in, NULL));
}
static void large(FCGX_Request *r, const char *a) {
    write_cycle(r->out, "0123456789abcdef", strtoul(a, NULL, 10));
}
static void say(FCGX_Request *r, const char *text) {
    FCGX_PutS(text, r->out);
}

static void to_stderr(FCGX_Request *r, const char *a) {
    write_cycle(r->err, "e", strtoul(a, NULL, 10));
    say(r, "ok\n");
}

static void status(FCGX_Request *r, const char *a) {
    FCGX_SetExitStatus(atoi(a), r->out);
    say(r, "ok\n");
}

static void early(FCGX_Request *r, const char *a) {
    say(r, "early\n");
    FCGX_FFlush(r->out);
    length(r, a);
}

static void update(FCGX_Request *r, const char *a) {
    const char *wanted = FCGX_GetParam("CONTENT_LENGTH", r->envp);
    (void)a, say(r, read_all(r->in, NULL) == strtoul(wanted ? wanted : "0", NULL, 10) ? "complete\n" : "incomplete\n");
}

static void data(FCGX_Request *r, const char *a) {
    const char *wanted = FCGX_GetParam("FCGI_DATA_LENGTH", r->envp);
    (void)a, read_all(r->in, NULL);
    const unsigned long size = FCGX_StartFilterData(r->in) == 0 ? read_all(r->in, r->out) : 0;
    if (size < strtoul(wanted ? wanted : "0", NULL, 10)) FCGX_SetExitStatus(1, r->out);
}

static void cached(FCGX_Request *r, const char *a) {
    (void)a, read_all(r->in, NULL);
    say(r, "cached\n");
}

static void exit_after(FCGX_Request *r, const char *a) {
    (void)a, say(r, "bye\n");
    exit_asked = true;
}

static const struct Operation {
    const char *name;
    unsigned long number_max;  // The argument is a number up to this one; 0: it is not a number.
    int role;                  // Makes sense in this role only; 0: in any.
    const char *fields;
    Answer *answer;
    const char *text;  // Given to `answer` in place of the argument, unless null.
} operations[] = {
    {"authorize", 0, 0, "Status: 200\r\nVariable-FCGISPEC: yes\r\n", say, ""},
    {"cached", 0, FCGI_FILTER, "", cached, NULL},
    {"data", 0, FCGI_FILTER, "", data, NULL},
    {"deny", 0, 0, "Status: 403\r\n", say, "denied\n"},
    {"early", 0, 0, "", early, NULL},
    {"echo", 0, 0, "", echo, NULL},
    {"error", 9999999999, 0, "", to_stderr, NULL},
    {"exit", 0, 0, "", exit_after, NULL},
    {"hello", 0, 0, "", hello, NULL},
    {"large", 9999999999, 0, "", large, NULL},
    {"length", 0, 0, "", length, NULL},
    {"params", 0, 0, "", write_params, NULL},
    {"status", 255, 0, "", status, NULL},
    {"stderr", 9999999999, 0, "", to_stderr, NULL},
    {"unread", 0, 0, "", say, "ok\n"},
    {"update", 0, 0, "", update, NULL},
    {NULL, 0, 0, "", say, "unsupported\n"},
};

static void hello(FCGX_Request *r, const char *argument) {
    (void)argument, say(r, "fcgispec contract 1:");
    for (const struct Operation *o = operations; o->name; o++) FCGX_FPrintF(r->out, " %s", o->name);
    say(r, "\n");
}

static bool fits(const struct Operation *o, const char *name, size_t name_size, const char *argument, int role) {
    if (strlen(o->name) != name_size || memcmp(o->name, name, name_size) != 0 || (o->role && o->role != role))
        return false;
    const size_t size = strlen(argument);
    return !o->number_max || (size > 0 && size <= 10 && strspn(argument, "0123456789") == size &&
                              strtoul(argument, NULL, 10) <= o->number_max);
}

static void serve(FCGX_Request *request) {
    const char *query = FCGX_GetParam("QUERY_STRING", request->envp);
    FCGX_PutS("Content-Type: text/plain\r\n", request->out);
    if (!query || strncmp(query, "fcgispec.", 9) != 0) {
        if (request->role == FCGI_FILTER) read_all(request->in, NULL);
        say(request, "\r\nhello\n");
        return;
    }
    const char *name = query + 9, *equals = strchr(name, '='), *argument = equals ? equals + 1 : "";
    const struct Operation *o = operations;
    while (o->name && !fits(o, name, strcspn(name, "="), argument, request->role)) o++;
    FCGX_FPrintF(request->out, "%s\r\n", o->fields);
    o->answer(request, o->text ? o->text : argument);
}

int main(void) {
    FCGX_Request request;
    if (FCGX_Init() != 0 || FCGX_InitRequest(&request, FCGI_LISTENSOCK_FILENO, 0) != 0) return 1;
    while (!exit_asked && FCGX_Accept_r(&request) == 0) {
        FCGX_SetExitStatus(0, request.out);  // libfcgi would say that of the request before.
        serve(&request);
        FCGX_Finish_r(&request);
    }
    return exit_asked ? 0 : 1;
}
