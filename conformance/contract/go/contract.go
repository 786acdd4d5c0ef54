// The contract (../README.md) in Go, on net/http/fcgi; responder, the only role that it has.
//
// Not offered: stderr and status, which the library keeps to itself; wait, for it tells of FCGI_ABORT_REQUEST only
// those who read an unfinished FCGI_STDIN; exit, for nobody is told when the answer has been sent. The library calls us
// when FCGI_STDIN begins, not before. QUERY_STRING is taken from REQUEST_URI where there is one.
package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/fcgi"
	"sort"
	"strconv"
	"strings"
)

type answer func(w http.ResponseWriter, r *http.Request, argument string)

var operations map[string]answer

func init() { // Not in place: hello lists them all.
	operations = map[string]answer{
		"early": func(w http.ResponseWriter, r *http.Request, _ string) {
			io.WriteString(w, "early\n")
			w.(http.Flusher).Flush()
			fmt.Fprintf(w, "%d\n", length(r))
		},
		"echo":   func(w http.ResponseWriter, r *http.Request, _ string) { io.Copy(w, r.Body) },
		"hello":  hello,
		"large":  large,
		"length": func(w http.ResponseWriter, r *http.Request, _ string) { fmt.Fprintf(w, "%d\n", length(r)) },
		"params": params,
		"unread": func(w http.ResponseWriter, _ *http.Request, _ string) { io.WriteString(w, "ok\n") },
		"update": func(w http.ResponseWriter, r *http.Request, _ string) {
			if length(r) == r.ContentLength {
				io.WriteString(w, "complete\n")
			} else {
				io.WriteString(w, "incomplete\n")
			}
		},
	}
}

func length(r *http.Request) int64 {
	size, _ := io.Copy(io.Discard, r.Body)
	return size
}

func hello(w http.ResponseWriter, _ *http.Request, _ string) {
	names := []string{}
	for name := range operations {
		names = append(names, name)
	}
	sort.Strings(names)
	fmt.Fprintf(w, "fcgispec contract 1: %s\n", strings.Join(names, " "))
}

func large(w http.ResponseWriter, _ *http.Request, argument string) {
	size, err := strconv.ParseUint(argument, 10, 63)
	if err != nil || len(argument) > 10 {
		io.WriteString(w, "unsupported\n")
		return
	}
	block := strings.Repeat("0123456789abcdef", 4096)
	for ; size > uint64(len(block)); size -= uint64(len(block)) {
		if _, err := io.WriteString(w, block); err != nil {
			return
		}
	}
	io.WriteString(w, block[:size])
}

func escaped(text, also string) string {
	var result strings.Builder
	for i := 0; i < len(text); i++ {
		if c := text[i]; c < 0x21 || c > 0x7e || c == '%' || strings.IndexByte(also, c) >= 0 {
			fmt.Fprintf(&result, "%%%02X", c)
		} else {
			result.WriteByte(c)
		}
	}
	return result.String()
}

// The library gives the pairs that it doesn't understand as they came; the others only as parts of the request.
func params(w http.ResponseWriter, r *http.Request, prefix string) {
	pairs := map[string]string{"REQUEST_METHOD": r.Method, "SERVER_PROTOCOL": r.Proto, "QUERY_STRING": r.URL.RawQuery}
	if r.ContentLength >= 0 && r.Header.Get("Content-Length") == "" {
		pairs["CONTENT_LENGTH"] = strconv.FormatInt(r.ContentLength, 10)
	}
	if kind := r.Header.Get("Content-Type"); kind != "" {
		pairs["CONTENT_TYPE"] = kind
	}
	for name, values := range r.Header {
		if name != "Content-Type" {
			pairs["HTTP_"+strings.ToUpper(strings.ReplaceAll(name, "-", "_"))] = values[0]
		}
	}
	for name, value := range fcgi.ProcessEnv(r) {
		pairs[name] = value
	}
	names := []string{}
	for name := range pairs {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	for _, name := range names {
		fmt.Fprintf(w, "%s=%s\n", escaped(name, "="), escaped(pairs[name], ""))
	}
}

func serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	if !strings.HasPrefix(r.URL.RawQuery, "fcgispec.") {
		io.WriteString(w, "hello\n")
		return
	}
	name, argument, _ := strings.Cut(strings.TrimPrefix(r.URL.RawQuery, "fcgispec."), "=")
	if operation, ok := operations[name]; ok {
		operation(w, r, argument)
	} else {
		io.WriteString(w, "unsupported\n")
	}
}

func main() {
	log.Fatal(fcgi.Serve(nil, http.HandlerFunc(serve))) // nil: the listening socket on file descriptor 0 [§2.2]
}
