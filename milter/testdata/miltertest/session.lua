-- Two messages on one connection, negotiated as the caller says:
-- -D socket, version, actions, steps, size (bytes of body).
-- The filter inserts X-Seen and gives the body back in upper case where the MTA offers that, and defers where it does not.
conn = mt.connect(socket, 50, 0.1)
if conn == nil then error("no connection") end
-- The manual has actions before steps; what is sent says otherwise.
err = mt.negotiate(conn, tonumber(version), tonumber(steps), tonumber(actions))
if err ~= nil then error("negotiation: " .. err) end
able = tonumber(actions) % 4 == 3 -- SMFIF_ADDHDRS and SMFIF_CHGBODY

for n = 1, 2 do
	if n == 1 and mt.conninfo(conn, "client.example", "192.0.2.7") ~= nil then error("conninfo") end
	if n == 1 and mt.helo(conn, "client.example") ~= nil then error("helo") end
	mt.macro(conn, SMFIC_MAIL, "i", "4F0" .. n)
	if mt.mailfrom(conn, "<a@example.org>") ~= nil then error("mailfrom") end
	if mt.rcptto(conn, "<b@example.net>") ~= nil then error("rcptto") end
	if mt.header(conn, "From", "a@example.org") ~= nil then error("header") end
	if mt.header(conn, "Subject", "change me\n in two lines") ~= nil then error("header") end
	left = tonumber(size)
	while left > 0 do
		if mt.bodystring(conn, string.rep("a", math.min(left, 30000))) ~= nil then error("body") end
		left = left - 30000
	end
	if mt.eom(conn) ~= nil then error("eom") end
	if able then
		if mt.getreply(conn) ~= SMFIR_ACCEPT then error("message " .. n .. " was not accepted: " .. mt.getreply(conn)) end
		if not mt.eom_check(conn, MT_HDRINSERT, "X-Seen") then error("no field was inserted") end
		if not mt.eom_check(conn, MT_BODYCHANGE) then error("the body was not changed") end
	else
		if mt.getreply(conn) ~= SMFIR_REPLYCODE then error("message " .. n .. " was not deferred") end
		if mt.eom_check(conn, MT_HDRINSERT) or mt.eom_check(conn, MT_BODYCHANGE) then error("more than was offered") end
	end
end
mt.disconnect(conn)
