package vault

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// endPlugin kills our child age-plugin-name: package plugin does not tell its
// number, and waits for it as long as it lives. There is one at a time.
func endPlugin(name string) {
	mine := fmt.Appendf(nil, "%d", os.Getpid())
	procs, _ := filepath.Glob("/proc/[0-9]*")
	for _, proc := range procs {
		pid, err := strconv.Atoi(filepath.Base(proc))
		if err != nil || !isPlugin(proc, name, mine) {
			continue
		}
		p, err := os.FindProcess(pid) // holds on to the process, not to its number
		if err != nil {
			continue
		}
		if isPlugin(proc, name, mine) {
			p.Kill()
		}
		p.Release()
	}
}

// isPlugin reports whether proc is a child of parent that runs the plugin.
func isPlugin(proc, name string, parent []byte) bool {
	stat, err := os.ReadFile(proc + "/stat")
	if err != nil {
		return false
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 2 || !bytes.Equal(fields[1], parent) {
		return false
	}
	line, err := os.ReadFile(proc + "/cmdline")
	args := bytes.Split(line, []byte{0})
	return err == nil && len(args) > 1 && bytes.HasPrefix(args[len(args)-2], []byte("--age-plugin=")) &&
		bytes.Contains(line, []byte("age-plugin-"+name+"\x00"))
}
