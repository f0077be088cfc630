//go:build !386 && !arm && !mips && !mipsle

package milter

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"testing"

	"dnseal/lookup/lookuptest/peertest"
	"dnseal/smime/message"
)

// byOrder does what the Subject asks for.
func byOrder(_ context.Context, m *message.Message, _ *message.Envelope) *message.Outcome {
	out := &message.Outcome{Action: message.Accept, Result: "seen"}
	switch word := bytes.Fields([]byte(m.First("Subject") + " none"))[0]; string(word) {
	case "reject":
		out.Action = message.Reject
	case "defer":
		out.Action = message.Defer
	case "quarantine":
		out.Action, out.Result = message.Quarantine, "bad-signature"
	case "delete":
		out.Edit = &message.Edit{Changes: []message.Change{{Op: message.Delete, Name: "Subject", Index: 1}}}
	case "change":
		body, err := io.ReadAll(m.Body())
		if err != nil {
			return &message.Outcome{}
		}
		out.Edit = &message.Edit{
			Changes: []message.Change{{Op: message.Insert, Name: "X-Seen", Value: " yes\r\n it was"}},
			Body:    message.NewSpool(0),
		}
		if _, err := out.Edit.Body.Write(bytes.ToUpper(body)); err != nil {
			return &message.Outcome{}
		}
	}
	return out
}

// TestMiltertest runs the scripts of testdata/miltertest against the server.
func TestMiltertest(t *testing.T) {
	t.Parallel()
	program := peertest.Program(t, "miltertest")
	srv := serve(t, Options{Handler: always(byOrder)})
	run := func(name, script string, vars ...string) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := []string{"-s", filepath.Join("testdata", "miltertest", script), "-D", "socket=unix:" + srv.path}
			for _, v := range vars {
				args = append(args, "-D", v)
			}
			if out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	run("abort", "abort.lua")
	run("outcomes", "outcomes.lua")
	const actionsV2, stepsV2, stepsV4, stepsV6 = 0x3f, 0x7f, 0x3ff, 0x1fffff
	// Pieces of body above 1,000 bytes are too much for miltertest; other data sizes have
	// TestBodyPieces.
	for _, v := range []struct{ version, actions, steps, size int }{
		{2, actionsV2, stepsV2, 10},
		{2, actionsV2, 0, 1000},
		{2, 0, 0, 10},
		{3, actionsV2, stepsV2, 10},
		{4, actionsV2, stepsV4, 10},
		{4, 0x1, stepsV4, 10},
		{6, 0x1ff, stepsV6, 10},
		{6, 0x1ff, stepsV6, 0},
		{6, 0x1ff, stepsV6 | 1<<28, 1000},
		{6, 0x1ff, stepsV6 | 1<<29, 1000},
		{6, actionsV2, 0, 1000},
		{6, 0x2, stepsV6, 10},
	} {
		run(fmt.Sprintf("v%d actions %#x steps %#x %d bytes", v.version, v.actions, v.steps, v.size), "session.lua",
			fmt.Sprintf("version=%d", v.version), fmt.Sprintf("actions=%d", v.actions),
			fmt.Sprintf("steps=%d", v.steps), fmt.Sprintf("size=%d", v.size))
	}
}
