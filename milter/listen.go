package milter

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"strconv"
	"syscall"
	"time"
)

// DefaultSocketMode is the mode of unix sockets: for the owner and the group.
const DefaultSocketMode fs.FileMode = 0o660

// ListenOptions restrict the access to a unix socket. They have no effect on TCP.
type ListenOptions struct {
	// Mode is the socket's permissions; 0 means DefaultSocketMode.
	Mode fs.FileMode
	// Group is the socket's group, by name or number; empty leaves that of the process or folder.
	Group string
}

// Listen opens a socket for [Server.Serve]. A stale unix socket is removed, a socket that a process
// still serves is not. No client can connect before mode and group are set. The socket is removed
// when the listener is closed.
//
// Errors: the path is a live socket or no socket at all, the group is unknown, or an error of the
// system.
func Listen(ctx context.Context, a Address, opts ListenOptions) (net.Listener, error) {
	if a.Network != "unix" {
		var lc net.ListenConfig
		ln, err := lc.Listen(ctx, a.Network, a.Address)
		if err != nil {
			return nil, fmt.Errorf("milter: %w", err)
		}
		return ln, nil
	}
	ln, err := listenUnix(ctx, a.Address, opts)
	if err != nil {
		return nil, fmt.Errorf("milter: socket %s: %w", a.Address, err)
	}
	return ln, nil
}

func listenUnix(ctx context.Context, path string, opts ListenOptions) (net.Listener, error) {
	gid := -1
	if opts.Group != "" {
		var err error
		if gid, err = groupID(opts.Group); err != nil {
			return nil, err
		}
	}
	if err := removeStale(ctx, path); err != nil {
		return nil, err
	}
	lc := net.ListenConfig{Control: closeToAll}
	ln, err := lc.Listen(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	if err := setAccess(path, gid, opts.Mode); err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	return ln, nil
}

func setAccess(path string, gid int, mode fs.FileMode) error {
	if gid >= 0 {
		if err := os.Lchown(path, -1, gid); err != nil {
			return err
		}
	}
	if mode == 0 {
		mode = DefaultSocketMode
	}
	return os.Chmod(path, mode.Perm())
}

// SetAccess gives an open unix socket, by its path, other permissions: mode and group of opts,
// where an empty Group is that of the process. Nobody gets in meanwhile whom neither the old nor
// the new ones let in. Errors: the path is no socket any more, the group is unknown, or an error of
// the system.
func SetAccess(path string, opts ListenOptions) error {
	gid := os.Getegid()
	info, err := os.Lstat(path)
	if err == nil && opts.Group != "" {
		gid, err = groupID(opts.Group)
	}
	switch {
	case err != nil:
		return fmt.Errorf("milter: socket %s: %w", path, err)
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("milter: %s is no socket any more", path)
	}
	// What both have, while the group is another.
	if err = os.Chmod(path, info.Mode().Perm()&cmp.Or(opts.Mode, DefaultSocketMode).Perm()); err == nil {
		err = setAccess(path, gid, opts.Mode)
	}
	if err != nil {
		return fmt.Errorf("milter: socket %s: %w", path, err)
	}
	return nil
}

// removeStale removes a socket that no process serves.
func removeStale(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return errors.New("a file that is not a socket is in the way; move it")
	}
	d := net.Dialer{Timeout: time.Second}
	c, err := d.DialContext(ctx, "unix", path)
	if err == nil {
		_ = c.Close()
		return errors.New("another process serves it; stop that process first")
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("it is not known whether it is in use: %w", err)
	}
	return os.Remove(path)
}

func groupID(name string) (int, error) {
	if n, err := strconv.Atoi(name); err == nil && n >= 0 {
		return n, nil
	}
	g, err := user.LookupGroup(name)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(g.Gid)
}
