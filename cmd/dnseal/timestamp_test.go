//go:build !submit

package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/rogpeppe/go-internal/testscript"
)

// tsa CONFIG starts a time-stamping service that answers by openssl ts, until the script ends, and
// sets TSA to its address.
func cmdTSA(ts *testscript.TestScript, _ bool, args []string) {
	dir, config := ts.MkAbs("."), args[0]
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query, err := io.ReadAll(r.Body)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "query.tsq"), query, 0o600)
		}
		if err == nil {
			cmd := exec.CommandContext(r.Context(), "openssl", "ts", "-reply", "-config", config, "-queryfile", "query.tsq", "-out", "reply.tsr")
			cmd.Dir = dir
			err = cmd.Run()
		}
		var reply []byte
		if err == nil {
			reply, err = os.ReadFile(filepath.Join(dir, "reply.tsr"))
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/timestamp-reply")
		_, _ = w.Write(reply)
	}))
	ts.Defer(s.Close)
	ts.Setenv("TSA", s.URL)
}
