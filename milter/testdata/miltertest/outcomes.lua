-- Each outcome, without any macro; what miltertest fills in for stages left out is taken as well.
conn = mt.connect(socket, 50, 0.1)
if conn == nil then error("no connection") end
if mt.negotiate(conn, nil, nil, nil) ~= nil then error("negotiation") end

function message(subject)
	if mt.mailfrom(conn, "<>") ~= nil then error("mailfrom") end
	if mt.rcptto(conn, "<b@example.net>") ~= nil then error("rcptto") end
	if mt.header(conn, "Subject", subject) ~= nil then error("header") end
	if mt.bodystring(conn, "body\r\n") ~= nil then error("body") end
	if mt.eom(conn) ~= nil then error("eom") end
end

if mt.conninfo(conn, "client.example", "192.0.2.7") ~= nil then error("conninfo") end
message("accept me")
if mt.getreply(conn) ~= SMFIR_ACCEPT then error("not accepted") end
if mt.eom_check(conn, MT_HDRINSERT) or mt.eom_check(conn, MT_BODYCHANGE) then error("changed") end
message("reject me")
if mt.getreply(conn) ~= SMFIR_REPLYCODE then error("not rejected") end
message("defer me")
if mt.getreply(conn) ~= SMFIR_REPLYCODE then error("not deferred") end
message("quarantine me")
if not mt.eom_check(conn, MT_QUARANTINE, "dnseal: bad-signature") then error("not held") end
message("delete me")
if not mt.eom_check(conn, MT_HDRDELETE, "Subject") then error("not deleted") end
mt.disconnect(conn, false)

-- A port check: connect and hang up, then half a negotiation.
conn = mt.connect(socket)
mt.disconnect(conn, false)
conn = mt.connect(socket)
if conn == nil then error("no connection after a port check") end
mt.disconnect(conn, false)
