package test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"
)

// Process is a program that runs in a World.
type Process struct {
	Name string
	Cmd  *exec.Cmd

	log  string // file of both outputs
	done chan struct{}
	err  error // of Wait; read after done
}

var serial atomic.Int64

// Command prepares a program with the World's environment. A name without a
// slash is looked for on the World's PATH, where ours come first.
func (w *World) Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	if name == "dancecard" || name == "dancectl" || name == "demo-provider" {
		name = Binary(name)
	}
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = w.Env
	cmd.Dir = w.Home
	return cmd
}

// Start runs a program beside the test until it ends or the World closes.
func (w *World) Start(name string, args ...string) (*Process, error) {
	return w.start(w.Command(context.Background(), name, args...))
}

func (w *World) start(cmd *exec.Cmd) (*Process, error) {
	name := filepath.Base(cmd.Path)
	p := &Process{Name: name, Cmd: cmd, done: make(chan struct{})}
	p.log = filepath.Join(w.Dir, "log", fmt.Sprintf("%02d-%s.txt", serial.Add(1), name))
	out, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	if cmd.Stdout == nil {
		cmd.Stdout = out
	}
	cmd.Stderr = out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL} // nothing outlives a test that panics
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	w.onClose(func() error { p.End(); return nil })
	w.mu.Lock()
	w.procs = append(w.procs, p)
	w.mu.Unlock()
	return p, nil
}

// Log is what the program printed so far.
func (p *Process) Log() string {
	b, _ := os.ReadFile(p.log)
	return string(b)
}

// Running reports whether the program has not ended.
func (p *Process) Running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Wait waits for the program's end and returns its exit code, -1 after a signal.
func (p *Process) Wait(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	select {
	case <-p.done:
		return p.Cmd.ProcessState.ExitCode(), nil
	case <-ctx.Done():
		return 0, errors.New(p.Name + " does not end")
	}
}

// Signal sends a signal to the program alone.
func (p *Process) Signal(s os.Signal) error { return p.Cmd.Process.Signal(s) }

// Kill ends the program by SIGKILL, as a crash would.
func (p *Process) Kill() {
	p.Signal(syscall.SIGKILL)
	<-p.done
}

// End asks the program and what it started to end, and kills what does not.
func (p *Process) End() {
	group := -p.Cmd.Process.Pid
	if p.Running() {
		syscall.Kill(group, syscall.SIGCONT)
		p.Signal(syscall.SIGTERM)
		select {
		case <-p.done:
		case <-time.After(5 * time.Second):
		}
	}
	syscall.Kill(group, syscall.SIGKILL)
	<-p.done
}
