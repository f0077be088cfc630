package mailbox

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"dnseal/cmd/internal/cli"
)

// WalkArgument is [Walk] for an argument of a command: "-" is standard input, and errors say what
// to do.
func WalkArgument(arg string, stdin io.Reader, each func(Message) error) error {
	if arg == stdinName {
		if err := WalkReader(stdin, stdinName, each); err != nil {
			return input{err}
		}
		return nil
	}
	err := Walk(arg, each)
	switch {
	case errors.Is(err, ErrNoMail) && isFile(arg):
		return cli.Hint(fmt.Errorf("%s holds no saved mail: no files such as *.eml", arg), "name the message itself")
	case errors.Is(err, ErrNoMail):
		return cli.Hint(fmt.Errorf("%s holds no saved mail: neither a Maildir nor files such as *.eml", arg), "name the messages themselves: %s/*", arg)
	case errors.Is(err, ErrNoSuchMessage):
		_, what, _ := strings.Cut(err.Error(), ": ")
		_, what, _ = strings.Cut(what, ": ")
		return fmt.Errorf("there is no %s: %s", arg, what)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s does not exist", arg)
	}
	return err
}

// isFile reports whether arg is a file, such as an archive, and no folder.
func isFile(arg string) bool {
	info, err := os.Stat(arg)
	return err == nil && !info.IsDir()
}

// stdinName is the name of what comes on standard input; its messages are "-#1" and so on.
const stdinName = "-"

// called is the name of a message in errors.
func called(name string) string {
	if name == stdinName {
		return "standard input"
	}
	if n, ok := strings.CutPrefix(name, stdinName+"#"); ok {
		return "message " + n + " of standard input"
	}
	return name
}

// input is an error about standard input, in words.
type input struct{ error }

func (i input) Unwrap() error { return i.error }

func (i input) Error() string {
	text := i.error.Error()
	name, rest, _ := strings.Cut(text, ":")
	if name != stdinName && !strings.HasPrefix(name, stdinName+"#") {
		return text
	}
	return called(name) + ":" + rest
}
