package report

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/logline"
)

// bufferSize is what is read of a log at a time, and as long as a line can be.
const bufferSize = logline.MaxLine

// Read calls each with every line of a log, which may be compressed by gzip. A line that is too
// long for one of ours comes as its first 256 KiB. Errors: those of ctx and of r, and a gzip file
// that is damaged.
func Read(ctx context.Context, r io.Reader, each func(line []byte)) error {
	in := bufio.NewReaderSize(r, bufferSize)
	if magic, _ := in.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) { // RFC 1952, Section 2.3.1
		z, err := gzip.NewReader(in)
		if err != nil {
			return err
		}
		in = bufio.NewReaderSize(z, bufferSize)
	}
	for n := 0; ; n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		line, err := in.ReadSlice('\n')
		if len(line) > 0 {
			each(line)
		}
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = in.ReadSlice('\n')
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// ErrNoJournal is that journalctl cannot be run.
var ErrNoJournal = errors.New("journalctl cannot be run here")

// ReadJournal calls each with every line of the units of dnseal in systemd's journal, between the
// times of opts.
func ReadJournal(ctx context.Context, opts Options, each func(line []byte)) error {
	path, err := exec.LookPath("journalctl")
	if err != nil {
		return cli.Hint(ErrNoJournal, "name the files of the log; a file with the name journal is ./journal")
	}
	args := []string{"--no-pager", "--quiet", "-u", "dnseal-*", "-o", "json", "--output-fields=MESSAGE,SYSLOG_IDENTIFIER,_SYSTEMD_UNIT"}
	if !opts.Since.IsZero() {
		args = append(args, "--since=@"+strconv.FormatInt(opts.Since.Unix(), 10))
	}
	if !opts.Until.IsZero() {
		args = append(args, "--until=@"+strconv.FormatInt(opts.Until.Unix()+1, 10))
	}
	cmd := exec.CommandContext(ctx, path, args...) //nolint:gosec // G204: the arguments are times
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err = cmd.Start(); err != nil {
		return fmt.Errorf("%w: %w", ErrNoJournal, err)
	}
	if err = Read(ctx, out, each); err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return err
	}
	if err = cmd.Wait(); err != nil || bytes.Contains(said.Bytes(), []byte("insufficient permissions")) {
		return journalError(said.Bytes(), err)
	}
	return nil
}

// journalError is what journalctl said, in one line, and what to do. That no unit of a name is in
// the journal it calls "No data available".
func journalError(said []byte, err error) error {
	var lines []string
	for line := range bytes.Lines(said[:min(len(said), 500)]) {
		lines = append(lines, cli.Printable(string(bytes.TrimSpace(line))))
	}
	text := strings.Join(lines, "; ")
	const hint = "run it as root, or as a member of the group systemd-journal; or name the files of the log"
	switch {
	case strings.Contains(text, "No data available"):
		return cli.Hint(errors.New("no unit dnseal-* has written into the journal that this user can read"), hint)
	case text == "":
		text = err.Error()
	}
	return cli.Hint(fmt.Errorf("journalctl: %s", text), hint)
}
