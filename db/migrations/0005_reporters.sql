CREATE TABLE "ratings" (
	"ticket" text NOT NULL,
	"report" text NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	"stars" integer NOT NULL,
	"comment" text,
	CONSTRAINT "ratings_ticket_report_pk" PRIMARY KEY("ticket","report")
);
--> statement-breakpoint
ALTER TABLE "reports" ADD COLUMN "code_hash" text;--> statement-breakpoint
CREATE INDEX "ratings_at" ON "ratings" USING btree ("at");--> statement-breakpoint
CREATE INDEX "plan_runs_until" ON "plan_runs" USING btree ("until_at");--> statement-breakpoint
CREATE UNIQUE INDEX "reports_code" ON "reports" USING btree ("code_hash");--> statement-breakpoint
CREATE INDEX "reports_at" ON "reports" USING btree ("at");--> statement-breakpoint
-- Tickets from before the time of acceptance was kept: their history tells it.
UPDATE "tickets" SET "accepted_at" = accepted."at"
FROM (
	SELECT "ticket", min("at") AS "at" FROM "ticket_events" WHERE "action" = 'accept' GROUP BY "ticket"
) AS accepted
WHERE accepted."ticket" = "tickets"."id" AND "tickets"."accepted_at" IS NULL
	AND "tickets"."state" IN ('accepted', 'in-progress', 'claimed-done', 'closed');
