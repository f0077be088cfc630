-- A transaction is aborted in every stage; the message after it is whole. No event is left out (version 2).
conn = mt.connect(socket, 50, 0.1)
if conn == nil then error("no connection") end
if mt.negotiate(conn, 2, 0, 63) ~= nil then error("negotiation") end
if mt.conninfo(conn, "client.example", "unspec") ~= nil then error("conninfo") end
if mt.helo(conn, "client.example") ~= nil then error("helo") end

stages = {
	function() return mt.mailfrom(conn, "<other@example.org>") end,
	function() return mt.rcptto(conn, "<other@example.net>") end,
	function() return mt.header(conn, "Subject", "reject me") end,
	function() return mt.eoh(conn) end,
	function() return mt.bodystring(conn, "other body\r\n") end,
}
for last = 1, #stages do
	for n = 1, last do
		if stages[n]() ~= nil then error("stage " .. n) end
	end
	if mt.abort(conn) ~= nil then error("abort in stage " .. last) end
	if mt.mailfrom(conn, "<a@example.org>") ~= nil then error("mailfrom") end
	if mt.rcptto(conn, "<b@example.net>") ~= nil then error("rcptto") end
	if mt.header(conn, "Subject", "change me") ~= nil then error("header") end
	if mt.eoh(conn) ~= nil then error("eoh") end
	if mt.bodystring(conn, "body\r\n") ~= nil then error("body") end
	if mt.eom(conn) ~= nil then error("eom") end
	if mt.getreply(conn) ~= SMFIR_ACCEPT then error("after an abort in stage " .. last .. " not accepted") end
	if not mt.eom_check(conn, MT_BODYCHANGE, "BODY\r\n") then error("after an abort in stage " .. last .. " another body") end
end
mt.disconnect(conn)
