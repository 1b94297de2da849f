package test

import (
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

const initialise = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18",` +
	`"capabilities":{},"clientInfo":{"name":"test","version":"1"}}}`

// TestForeignMCP connects an MCP server by its address: the MCP project's own
// example server with its own authorization server, which compares redirect
// URIs as strings and takes only tokens that were asked for this server.
func TestForeignMCP(t *testing.T) {
	dir, err := node()
	if err != nil {
		t.Fatal(err)
	}
	example := filepath.Join(dir, "node_modules/@modelcontextprotocol/sdk/dist/esm/examples/server/simpleStreamableHttp.js")
	var port string
	f := newForeign(t, "MCP Streamable HTTP Server listening", func(w *World, free string) (string, []string) {
		port = free
		return "env", []string{"MCP_PORT=" + port, "MCP_AUTH_PORT=" + freePort(t), "node", example, "--oauth", "--oauth-strict"}
	})
	server := "http://" + net.JoinHostPort("localhost", port) + "/mcp"
	f.connect(nil, server, "--label", "tools") // it approves by itself

	r, err := http.NewRequestWithContext(t.Context(), "POST", server, strings.NewReader(initialise))
	f.check(err)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	res := f.fetch("tools", r)
	if res.StatusCode != http.StatusOK || res.Header.Get("Mcp-Session-Id") == "" {
		t.Errorf("the MCP server answered %s with session %q", res.Status, res.Header.Get("Mcp-Session-Id"))
	}
	saw("MCP SDK's example server (npm)", "server address alone: RFC 9728, dynamic registration, resource (RFC 8707)", "registered, linked, session opened through fetch")
}
