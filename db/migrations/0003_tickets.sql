CREATE TABLE "notifications" (
	"id" text PRIMARY KEY NOT NULL,
	"addressee" text NOT NULL,
	"kind" text NOT NULL,
	"ticket" text NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	"read_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "plan_runs" (
	"plan" text NOT NULL,
	"from_at" timestamp (3) with time zone NOT NULL,
	"until_at" timestamp (3) with time zone NOT NULL,
	"facility" text NOT NULL,
	"done_at" timestamp (3) with time zone,
	"done_by" text,
	"ticket" text,
	CONSTRAINT "plan_runs_plan_from_at_pk" PRIMARY KEY("plan","from_at")
);
--> statement-breakpoint
CREATE TABLE "reports" (
	"id" text PRIMARY KEY NOT NULL,
	"ticket" text NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	"who" text NOT NULL,
	"source" text NOT NULL,
	"kind" text NOT NULL,
	"subject" text NOT NULL,
	"lat" double precision,
	"lon" double precision,
	"note" text,
	"photos" jsonb NOT NULL
);
--> statement-breakpoint
ALTER TABLE "episodes" ALTER COLUMN "ticket" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "ticket_events" ADD COLUMN "data" jsonb;--> statement-breakpoint
ALTER TABLE "tickets" ADD COLUMN "kind" text;--> statement-breakpoint
ALTER TABLE "tickets" ADD COLUMN "plan" text;--> statement-breakpoint
ALTER TABLE "tickets" ADD COLUMN "lat" double precision;--> statement-breakpoint
ALTER TABLE "tickets" ADD COLUMN "lon" double precision;--> statement-breakpoint
ALTER TABLE "tickets" ADD COLUMN "unit" text;--> statement-breakpoint
ALTER TABLE "tickets" ADD COLUMN "terms" jsonb;--> statement-breakpoint
ALTER TABLE "tickets" ADD COLUMN "accepted_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "tickets" ADD COLUMN "claimed_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "tickets" ADD COLUMN "claimed_by" text;--> statement-breakpoint
ALTER TABLE "tickets" ADD COLUMN "first_due_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "tickets" ADD COLUMN "extended_ms" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "tickets" ADD COLUMN "pauses" jsonb;--> statement-breakpoint
ALTER TABLE "tickets" ADD COLUMN "deferred_until" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "tickets" ADD COLUMN "asked" jsonb;--> statement-breakpoint
ALTER TABLE "tickets" ADD COLUMN "resolved_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "tickets" ADD COLUMN "colour" text;--> statement-breakpoint
ALTER TABLE "tickets" ADD COLUMN "level" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "tickets" ADD COLUMN "verification" text;--> statement-breakpoint
ALTER TABLE "tickets" ADD COLUMN "verify_by" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "tickets" ADD COLUMN "false_claims" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "tickets" ADD COLUMN "returns" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "tickets" ADD COLUMN "rework" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "tickets" ADD COLUMN "rework_of" text;--> statement-breakpoint
ALTER TABLE "tickets" ADD COLUMN "one_step" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "tickets" ADD COLUMN "reporters" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "tickets" ADD COLUMN "merged_into" text;--> statement-breakpoint
ALTER TABLE "tickets" ADD COLUMN "late_claim_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "tickets" ADD COLUMN "recheck" text;--> statement-breakpoint
ALTER TABLE "tickets" ADD COLUMN "recheck_at" timestamp (3) with time zone;--> statement-breakpoint
-- Tickets from before keep the time they were given; nothing was ever taken off.
UPDATE "tickets" SET
	"first_due_at" = "due_at",
	"pauses" = '[]',
	"resolved_at" = CASE WHEN "closed_at" IS NOT NULL THEN coalesce(least("cleared_at", "closed_at"), "closed_at") END,
	"terms" = jsonb_build_object(
		'allowedMs', (extract(epoch from "due_at" - "opened_at") * 1000)::bigint,
		'respondMs', 1800000, 'verifyWithinMs', 1800000, 'reworkWithinMs', 0,
		'service', false, 'byPerson', false, 'hours', '[]'::jsonb
	);--> statement-breakpoint
ALTER TABLE "tickets" ALTER COLUMN "first_due_at" SET NOT NULL;--> statement-breakpoint
ALTER TABLE "tickets" ALTER COLUMN "pauses" SET NOT NULL;--> statement-breakpoint
ALTER TABLE "tickets" ALTER COLUMN "terms" SET NOT NULL;--> statement-breakpoint
CREATE INDEX "notifications_addressee" ON "notifications" USING btree ("addressee","at");--> statement-breakpoint
CREATE INDEX "reports_ticket" ON "reports" USING btree ("ticket");--> statement-breakpoint
CREATE INDEX "tickets_due" ON "tickets" USING btree ("first_due_at");